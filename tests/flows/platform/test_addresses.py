"""Addresses of servers and databases show neither names nor passwords."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.platform.health import without_login

signs = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("http://admin:hidden@127.0.0.1:5000/api", "http://127.0.0.1:5000/api"),
        ("admin@scheduler:8786", "scheduler:8786"),
        ("postgresql+psycopg://mlp:hid/den@db/mlp", "postgresql+psycopg://db/mlp"),
        ("postgresql://db/mlp?user=mlp&password=hidden&sslmode=require", "postgresql://db/mlp?user=mlp&password=…&sslmode=require"),
        ("postgresql://db/mlp?sslpassword=hidden", "postgresql://db/mlp?sslpassword=…"),
        ("--tracking-uri=postgresql://mlp:hidden@db/mlp", "--tracking-uri=postgresql://db/mlp"),
        ("sqlite:////home/a@b/mlruns/mlflow.db", "sqlite:////home/a@b/mlruns/mlflow.db"),
        ("descent.momentum=0.9", "descent.momentum=0.9"),
    ],
)  # fmt: skip
def test_an_address_is_shown_without_its_login(address, shown):
    assert without_login(address) == shown


@given(signs, st.sampled_from(["{0}", "--database={0}"]))
def test_no_password_of_any_signs_is_shown(password, form):
    shown = without_login(form.format(f"postgresql://mlp:mark{password}@db/mlp"))
    assert "mark" not in shown
    assert shown == form.format("postgresql://db/mlp")
