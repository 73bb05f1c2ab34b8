"""Names in a backup: ``backup.json`` is its first member, and ``manifest.json`` its last one.

The first tells a reader at once whether it can read the rest. The last has the hash of every file, so an archive that
was cut is known by its absence.
"""

FORMAT = 1
HEAD_NAME, MANIFEST_NAME = "backup.json", "manifest.json"
#: Folders of the archive: the data directory, and what only ``--with-keys`` adds.
DATA_PREFIX, KEYS_PREFIX = "data/", "keys/"
SIGNING_KEY_NAME = f"{KEYS_PREFIX}checkpoint_key.pem"
