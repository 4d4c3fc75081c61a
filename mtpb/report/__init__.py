"""Tables, figures and the HTML report of run directories.

    python -m mtpb.report runs='results/**' output=report

`runs` reads and groups runs; `front` has what a report begins with; `passk`, `passrate`, `lengths`
and `formats` make tables, `estimates` their cells; `figures` draws; `page` makes the
HTML; `build` writes everything into a folder. `results` and `conclusion` print the tables at the
end of a run. Must not know how runs are made; no torch.
"""
