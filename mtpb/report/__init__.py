"""Tables, figures and the HTML report, from run directories alone.

    python -m mtpb.report runs='results/**' output=report

`runs` reads the directories; `passk`, `passrate` and `formats` make the tables; `figures` draws;
`pages` and the templates make the HTML; `build` puts it all into a folder. No torch anywhere.
"""
