
# Added by the Debian package: what Debian does not have, or has only in older versions (see
# /usr/share/doc/neon/vendor.txt). Before all else, so that Twisted uses the same Automat.
import sys as _sys

_sys.path.insert(0, "/usr/lib/neon/vendor")
