"""Text from users and logs, made fit to be printed."""

#: For `str.translate`: control characters are shown, not obeyed; line ends and tabs stay.
SHOWN = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
