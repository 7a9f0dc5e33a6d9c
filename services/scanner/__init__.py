"""The scanner: what a capture file says, how good its stars are, and which target it shows.

1. ``file.arrived`` comes in; the file is found below its root. Files wait until it is known what people decided about
   targets and rigs: the bucket that stats keeps is read at the start, and followed (``shared.decisions``).
2. A reader process reads the header, measures the stars and looks the target up (``scan.py``). Readers run under limits
   of time and memory: a hostile file can kill its reader, which costs that one file a retry, never the service.
3. ``file.scanned`` goes out under an id that follows from all that was read; then the arrival is acknowledged.
4. What cannot be read goes out as ``file.quarantined`` with one sentence why, and as a dead letter that can be
replayed.

Where ``scanner.previews`` is on, the same read gives each frame its preview (``previews.py``), kept in a folder apart
from all captures. Besides that it owns nothing: no database, no file is ever written. Replicas scale it out.
"""
