"""Fetchers as a hub's own client would be used, good and bad."""

from bsct_zoo.errors import BadInputError, DownloadError


def fetch(card, folder):
    import six  # in the environment of the family only

    path = folder / "from-the-hub.bin"
    path.write_bytes(f"{card.name} by six {six.__version__}".encode())
    print("noise of the hub's client")
    return path


def fetch_here(card, folder):
    (folder / "deep").mkdir()
    (folder / "deep" / "weights.bin").write_bytes(card.name.encode())
    return folder / "deep" / "weights.bin"


def want_a_token(card, folder):
    raise BadInputError(f"{card.url} wants a token; set HF_TOKEN")


def closed(card, folder):
    raise DownloadError("the hub is closed")


def lead_out(card, folder):
    outside = folder.parents[3] / "outside.bin"
    outside.write_bytes(b"outside")
    (folder / "link.bin").symlink_to(outside)
    return folder / "link.bin"
