"""JSON (RFC 8259) in every legal form: blanks, escapes, numbers with fractions and exponents that
change nothing. Python's json reads what it writes."""

import base64
import decimal
import math


def blanks(rng):
    return rng.choice(["", "", "", " ", "\n", "\t \r\n"])


def _char(rng, char):
    short = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n",
             "\r": "\\r", "\t": "\\t"}
    forms = []
    if ord(char) >= 0x20 and char not in '"\\':
        forms += [char] * 6
    if char in short:
        forms.append(short[char])
    units = char.encode("utf-16-be")
    escaped = "".join("\\u" + units[i:i + 2].hex() for i in range(0, len(units), 2))
    forms.append(rng.choice([escaped, escaped.replace("\\u", "\0").upper().replace("\0", "\\u")]))
    return rng.choice(forms)


def _shifted(rng, number):
    """The same decimal with its point elsewhere, and an exponent."""
    sign, digits, exponent = number.as_tuple()
    text = "".join(map(str, digits))
    point = rng.randint(1, len(text))
    exponent += len(text) - point
    if len(text) > 1 and text[0] == "0":
        return None
    mark = rng.choice(["e", "E"]) + (rng.choice(["", "+"]) if exponent >= 0 else "")
    fraction = "." + text[point:] if point < len(text) else rng.choice(["", ".0", ".00"])
    return f"{'-' if sign else ''}{text[:point]}{fraction}{mark}{exponent}"


def _number(rng, number):
    """Beyond 2^53 an integer stays one without an exponent only (lwm2m/content/decimal.h)."""
    exact = decimal.Decimal(number) if isinstance(number, int) else decimal.Decimal(repr(number))
    if isinstance(number, int):
        forms = [str(number)] * 3 + [f"{number}.0", f"{number}.000"]
        if abs(number) <= 2**53:
            forms += [_shifted(rng, exact), f"{number}e0", *([f"{number}0e-1"] if number else [])]
    else:
        forms = [repr(number), format(exact, "f"), _shifted(rng, exact)]
    return rng.choice([form for form in forms if form is not None and len(form) < 400])


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def any_form(rng, value):
    if value is None or isinstance(value, bool):
        text = {None: "null", True: "true", False: "false"}[value]
    elif isinstance(value, (int, float)):
        assert math.isfinite(value)
        text = _number(rng, value)
    elif isinstance(value, str):
        text = '"' + "".join(_char(rng, char) for char in value) + '"'
    elif isinstance(value, list):
        text = "[" + ",".join(any_form(rng, item) for item in value) + blanks(rng) + "]"
    else:
        members = [blanks(rng) + any_form(rng, name) + ":" + any_form(rng, item)
                   for name, item in value.items()]
        text = "{" + ",".join(members) + blanks(rng) + "}"
    return blanks(rng) + text + blanks(rng)
