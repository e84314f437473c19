"""A person goes through the libraries that people use beside this one, and loses nothing."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import attrs
import cattrs
import msgspec
import pytest

from posthog_env_async import LogEntry, Person, Project, models
from posthog_env_async.models import PERSON_ROWS
from posthog_env_async.models.model import Model

UUID_TEXT = "018f3c1e-7a55-7c2b-9a11-5f0d9f6f1c01"
ROW = (
    b'{"type":"person","id":"%b","uuid":"%b","created_at":"2026-03-02T09:15:44.120000Z",'
    b'"properties":{"email":"ada@example.com","seats":3},"is_identified":true,"name":"Ada",'
    b'"distinct_ids":["ada"],"brand_new":{"level":[1]}}'
) % (UUID_TEXT.encode(), UUID_TEXT.encode())


@pytest.fixture
def person() -> Person:
    return PERSON_ROWS.read(ROW)


@pytest.mark.parametrize("converter", [cattrs.Converter(), cattrs.global_converter])
def test_a_plain_converter_of_cattrs_loses_nothing(person: Person, converter: Any) -> None:
    fields = converter.unstructure(person)

    assert {**fields, "distinct_ids": tuple(fields["distinct_ids"])} == {
        "uuid": UUID(UUID_TEXT),
        "id": UUID_TEXT,
        "name": "Ada",
        "distinct_ids": ("ada",),
        "is_identified": True,
        "created_at": datetime(2026, 3, 2, 9, 15, 44, 120_000, UTC),
        "last_seen_at": None,
        "properties": {"email": "ada@example.com", "seats": 3},
        "extra": {"type": "person", "brand_new": {"level": [1]}},
    }


def test_json_and_msgspec_write_its_dictionary(person: Person) -> None:
    fields = person.to_dict()

    assert json.loads(json.dumps(fields)) == json.loads(ROW)
    assert msgspec.json.decode(msgspec.json.encode(fields)) == json.loads(ROW)


def test_msgspec_refuses_the_person_itself_where_it_would_lose_fields(person: Person) -> None:
    with pytest.raises(TypeError, match="unsupported"):
        msgspec.json.encode(person)

    assert msgspec.json.encode(person, enc_hook=vars) == ROW


def test_pydantic_validates_and_writes_it(person: Person) -> None:
    adapter = pytest.importorskip("pydantic").TypeAdapter(Person)

    assert adapter.validate_python(person) is person
    assert adapter.validate_python(json.loads(ROW)) == person
    assert adapter.validate_json(ROW) == person
    assert adapter.dump_python(person) == json.loads(ROW)
    assert adapter.dump_json(person) == ROW
    assert adapter.json_schema()["required"] == ["uuid"]


def test_pydantic_says_what_makes_no_person() -> None:
    pydantic = pytest.importorskip("pydantic")

    with pytest.raises(pydantic.ValidationError, match="Person needs uuid"):
        pydantic.TypeAdapter(Person).validate_python({"name": "Ada"})


def test_a_model_of_pydantic_may_have_any_of_ours_as_field(person: Person) -> None:
    pydantic = pytest.importorskip("pydantic")
    fields: dict[str, Any] = {"who": (Person, ...), "log": (LogEntry, ...), "where": (Project, ...)}
    model = pydantic.create_model("Visit", **fields)

    visit = model(who=person, log=LogEntry(uuid=UUID_TEXT), where={"id": 1})

    assert visit.where == Project(id=1)
    assert json.loads(visit.model_dump_json())["who"] == json.loads(ROW)
    assert "who" in model.model_json_schema()["properties"]


MODELS = [
    kind
    for kind in vars(models).values()
    if isinstance(kind, type) and issubclass(kind, Model) and kind is not Model
]


def least(kind: type[Model]) -> Model:
    """Make a model of nothing but the fields that it requires."""
    values: dict[Any, Any] = {UUID: UUID_TEXT, int: 1, bool: True, datetime: "2026-03-02T09:15:44Z"}
    values[tuple[str, ...]] = ()
    required = [name for name in attrs.fields_dict(kind).values() if name.default is attrs.NOTHING]
    return kind(**{field.name: values.get(field.type, "text") for field in required})


@pytest.mark.parametrize("kind", MODELS)
def test_pydantic_writes_each_model_whose_type_no_annotation_names(kind: type[Model]) -> None:
    adapter: Any = pytest.importorskip("pydantic").TypeAdapter(Any)
    model = least(kind)

    assert adapter.dump_python([model], mode="json") == [model.to_dict()]
    assert json.loads(adapter.dump_json({"one": model})) == {"one": model.to_dict()}


def test_fastapi_answers_with_it(person: Person) -> None:
    fastapi = pytest.importorskip("fastapi")
    client = pytest.importorskip("fastapi.testclient", exc_type=ImportError)
    app = fastapi.FastAPI()

    @app.get("/model", response_model=Person)
    async def model() -> Any:  # pyright: ignore[reportUnusedFunction]
        return person

    @app.get("/annotated")
    async def annotated() -> Person:  # pyright: ignore[reportUnusedFunction]
        return person

    async def bare() -> Any:
        return person

    async def many() -> Any:
        return {"persons": [person]}

    app.add_api_route("/any", bare)
    app.add_api_route("/bare", bare, response_model=None)
    app.add_api_route("/many", many, response_model=None)
    browser = client.TestClient(app)

    answers = [browser.get(path).json() for path in ("/model", "/annotated", "/any", "/bare")]

    assert answers == [json.loads(ROW)] * 4
    assert browser.get("/many").json() == {"persons": [json.loads(ROW)]}
    assert "distinct_ids" in json.dumps(browser.get("/openapi.json").json())


def test_pandas_makes_a_frame_of_dictionaries(person: Person) -> None:
    pandas = pytest.importorskip("pandas")

    frame = pandas.DataFrame([person.to_dict(), Person(uuid=UUID_TEXT).to_dict()])

    assert list(frame["uuid"]) == [UUID_TEXT, UUID_TEXT]
    assert frame["properties"][0] == {"email": "ada@example.com", "seats": 3}


def test_without_pydantic_a_model_has_no_serializer_of_it() -> None:
    code = (
        "import sys; sys.modules['pydantic_core'] = None;"
        "from posthog_env_async import Person;"
        "print(hasattr(Person, '__pydantic_serializer__'))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


def test_pydantic_is_not_imported_before_it_asks() -> None:
    code = (
        "import sys, posthog_env_async;"
        f"posthog_env_async.Person(uuid={UUID_TEXT!r}).to_json();"
        "sys.exit('pydantic' in sys.modules or 'pydantic_core' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_attrs_changes_it(person: Person) -> None:
    changed = attrs.evolve(person, properties={**person.properties, "seats": 4})

    assert changed.properties == {"email": "ada@example.com", "seats": 4}
    assert person.properties["seats"] == 3
    assert changed.extra == person.extra
