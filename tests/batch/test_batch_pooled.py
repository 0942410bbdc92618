"""Pooled tables: columns, units, and files that change only where something changed."""

from nanosieve.batch.pooled import summary_rows, units_of, write_particles, write_summary
from nanosieve.batch.store import Origin, Record
from nanosieve.core.schema import particle_columns

ORIGIN = Origin("abc", {}, "1.0")


def result(out, name: str, unit) -> Record:
    folder = out / name
    folder.mkdir()
    columns = particle_columns(unit)
    cells = {"image": name, "area_px2": "7", "area_nm2": "5", "flags": "border;overlap"}
    row = [cells.get(column, "1") for column in columns]
    row[0] = f'"{name}"' if "," in name else name
    (folder / "particles.csv").write_text(
        ",".join(columns) + "\n" + ",".join(row) + "\n", encoding="utf-8"
    )
    return Record(name, name, ORIGIN, "ok", unit=unit, rows=({"n": 1},))


def test_one_unit_is_copied_as_it_is(tmp_path):
    records = [result(tmp_path, name, "px") for name in ("a", "b,c", "Å")]
    write_particles(tmp_path, records)
    lines = (tmp_path / "particles.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == ",".join(particle_columns("px"))
    assert [line.split(",0")[0][:5] for line in lines[1:]] == ["a,1,1", '"b,c"', "Å,1,1"]


def test_two_units_stand_side_by_side(tmp_path):
    records = [result(tmp_path, "a,b", "px"), result(tmp_path, "c", "nm")]
    write_particles(tmp_path, records)
    header, first, second = (tmp_path / "particles.csv").read_text().splitlines()
    place = header.split(",").index("area_nm2")
    assert header.split(",")[place + 1] == "area_px2"
    assert first.startswith('"a,b",1,1')
    assert first.removeprefix('"a,b"').split(",")[place : place + 2] == ["", "7"]
    assert second.split(",")[place : place + 2] == ["5", ""]


def test_without_a_result_there_is_a_table_all_the_same(tmp_path):
    failed = Record("a", "a.tif", ORIGIN, "failed", "truncated")
    write_particles(tmp_path, [failed])
    assert (tmp_path / "particles.csv").read_text() == ",".join(particle_columns("nm")) + "\n"
    assert units_of([failed]) == ("nm",)
    assert summary_rows(failed)[0]["message"] == "truncated"


def test_tables_change_only_where_something_changed(tmp_path):
    def write(message):
        records = [Record("a", "a.tif", ORIGIN, "failed", message)]
        write_particles(tmp_path, records)
        write_summary(tmp_path, records)
        return [(tmp_path / name).stat().st_ino for name in ("particles.csv", "summary.csv")]

    first = write("truncated")
    assert write("truncated") == first
    particles, summary = write("not an image")
    assert particles == first[0]
    assert summary != first[1]
