"""Small pictures of captures, and the linear proxies that they are stretched from.

In: an image or a path. Out: a picture that a browser shows, and what a viewer needs to stretch a whole group alike.

    reduction.py  a frame -> a proxy of at most 1,024 pixels on the longer side, linear, 16-bit range
    stretch.py    linear values -> brightness, by a frame's own stretch, a given one or a group's
    files.py      the picture, the proxy and the facts as files
    cache.py      the folder that keeps them, by file_id
    make.py       all of it for one file
    kinds.py      what can be chosen

Promises: nothing is written outside the folder of previews, which lies apart from all captures; what fails is one
sentence (Permanent). OpenCV and Pillow are imported by these modules, so import them where previews are wanted.
"""
