for (const name of document.querySelectorAll("a.term"))
  name.title = document.getElementById(name.hash.slice(1))?.textContent ?? "";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.onclick = () => {
      const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
      const key = row => {
        const cell = row.cells[column], value = cell.dataset.value;
        return value === undefined ? cell.textContent.trim() : value === "" ? NaN : Number(value);
      };
      const keyed = [...body.rows].map(row => [key(row), row]);
      keyed.sort(([a], [b]) => typeof a === "string"
        ? sign * a.localeCompare(b, undefined, {numeric: true})
        : isNaN(a) || isNaN(b) ? isNaN(a) - isNaN(b) : sign * (a - b));
      body.append(...keyed.map(([, row]) => row));
    };
  });
}
for (const field of document.querySelectorAll("input[data-filters]")) {
  field.hidden = false;
  field.oninput = () => {
    const wanted = field.value.toLowerCase();
    for (const row of document.getElementById(field.dataset.filters).tBodies[0].rows)
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
  };
}
