"""What people decided about names, as services without a database read it.

stats owns the decisions and mirrors each into a key-value bucket under a hash of the name, with the number that it gave
it. The key ``whole`` says up to which number the bucket holds all of them: who reads it goes on with what it knows
until that is so, and so never sees half of what was decided together. Order of authority: person > nightbus.toml >
N.I.N.A. profile > header > built-in.

``model`` is one decision and how it travels, ``lookup`` is all of them, ready to be asked, ``mirror`` reads the bucket
and hears of changes. What a person says of single files is no decision about a name: it is told as frame.assigned.
"""
