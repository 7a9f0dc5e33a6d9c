"""What may go from destinations after a time: dumps of the database, and archives of forgotten files.

``dumps`` and ``archives`` decide, without a database; ``plan`` reads what they decide about, as any reader may, so that
a dry run says exactly what would go; ``remove`` deletes, a job for each object, after looking once more.

Nothing goes that is the last verified copy of a content at its destination, whatever is set; a cap only warns.
"""
