"""A second training keeps the validation images of the first from being learned."""

from recipes.same_split import divide


def test_roles_of_a_run_go_into_the_tables_of_its_sets(tmp_path):
    lines = ["split,image,group,role", "all,old/a,a,train", "all,old/b,b,validation"]
    (tmp_path / "splits.csv").write_text("\n".join(lines), encoding="utf-8")
    tables = {}
    for name in ("old", "new"):
        tables[name] = tmp_path / name / "dataset.csv"
        tables[name].parent.mkdir()
        tables[name].write_text(
            "name,group,split,keep,mine\na,a,,yes,0010\nb,b,,no,\n", encoding="utf-8"
        )
    divide(tmp_path, [tables["old"].parent, tables["new"].parent])
    assert tables["old"].read_text().splitlines()[1:] == [
        "a,a,train,yes,0010", "b,b,validation,no,",
    ]  # fmt: skip
    assert tables["new"].read_text().splitlines()[1:] == ["a,a,train,yes,0010", "b,b,train,no,"]
