"""Pleasant names for runs and logged models that were given none, e.g. `brisk-heron-417`."""

_ADJECTIVES = """
    amber ample apt avid balmy bold brave breezy bright brisk calm candid cheery clear clever cosy crisp curious
    daring deft eager early easy fair fleet fond frank fresh gentle glad golden grand handy happy hardy hearty
    honest jolly keen kind lively loyal lucid lucky mellow merry mild neat nimble noble patient placid plucky
    polite prime proud quick quiet rapid ready robust rosy rustic serene sharp silver sleek smart snug solid spry
    steady stellar sturdy sunny sure swift tidy tender upbeat vivid warm wise witty zesty
"""
_NOUNS = """
    acorn alder aspen badger beacon beaver birch bison brook canyon cedar cicada clover comet coral crane creek
    cypress dingo dolphin dune egret elk elm ember falcon fern finch fjord fox gecko geyser glacier grove gull
    harbor hare hazel heron ibis iris island jackal jay juniper kestrel kiwi lagoon lark laurel lemur lichen lily
    lynx magpie maple marten meadow meteor mole moth newt oak orchid oriole osprey otter owl panda pebble pelican
    petrel pine plover poplar puffin quail raven reef ridge robin rowan seal sequoia shrew sparrow spruce stoat
    stork summit swan tapir tern thistle thrush tulip valley vole walrus willow wombat wren yak
"""
_NUMBERS = 1_000


def random_name(entropy: bytes) -> str:
    """The name that eight or more random bytes stand for."""
    adjectives, nouns = _ADJECTIVES.split(), _NOUNS.split()
    rest, number = divmod(int.from_bytes(entropy, "big"), _NUMBERS)
    rest, noun = divmod(rest, len(nouns))
    return f"{adjectives[rest % len(adjectives)]}-{nouns[noun]}-{number}"
