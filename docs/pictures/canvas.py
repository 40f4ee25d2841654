"""Shapes of the pictures, as SVG that is legible on light and dark pages."""

import unicodedata

# Colors of light pages, and of dark ones. Pictures have a background of their own, since a page may be dark where the
# browser's setting is light.
COLORS = {
    "page": ("#ffffff", "#161b22"),
    "line": ("#57606a", "#8b949e"),
    "text": ("#1f2328", "#e6edf3"),
    "plain": ("#eef2f7", "#21262d"),
    "seller": ("#fff1cc", "#4d3b00"),
    "good": ("#dcf3e1", "#12401f"),
    "bad": ("#fde3e1", "#5a1a17"),
    "store": ("#e2ebfd", "#16305c"),
}

FONT = "-apple-system, 'Segoe UI', 'Helvetica Neue', Arial, 'PingFang SC', 'Microsoft YaHei', 'Noto Sans SC', sans-serif"


def text_width(text, size):
    """Returns the width of a text, rather too large than too small."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return wide * size + (len(text) - wide) * size * 0.58


class Canvas:
    def __init__(self, name, title, width, height):
        self.name, self.title, self.width, self.height = name, title, width, height
        self.parts = []

    def box(self, x, y, width, height, lines, kind="plain", size=13):
        """Draws a rounded box with centered lines; the first one is bold where there are several."""
        self.parts.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/>')
        step = size + 4
        first = y + height / 2 - step * (len(lines) - 1) / 2 + size * 0.36
        for number, line in enumerate(lines):
            bold = number == 0 and len(lines) > 1
            fits = text_width(line, size) * (1.06 if bold else 1) <= width - 8
            assert fits, f"{self.name}: {line!r} is wider than its box"
            self.text(x + width / 2, first + number * step, line, size, "middle", bold)

    def text(self, x, y, text, size=12, anchor="start", bold=False):
        width = text_width(text, size)
        left = {"start": x, "middle": x - width / 2, "end": x - width}[anchor]
        assert left >= 0 and left + width <= self.width, f"{self.name}: {text!r} leaves the picture"
        text = text.replace("&", "&amp;").replace("<", "&lt;")
        weight = ' font-weight="600"' if bold else ""
        self.parts.append(f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}"{weight}>{text}</text>')

    def arrow(self, *points, dashed=False, head=True):
        path = "M" + " L".join(f"{x:g} {y:g}" for x, y in points)
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        marker = f' marker-end="url(#koogallery-{self.name}-head)"' if head else ""
        self.parts.append(f'<path class="arrow" d="{path}"{dashes}{marker}/>')

    def line(self, *points, dashed=False):
        self.arrow(*points, dashed=dashed, head=False)

    def svg(self):
        """Returns the picture. It has no blank line, so that it may stand within Markdown."""
        scope = ".koogallery-picture"
        rules = {"light": [], "dark": []}
        for number, theme in enumerate(rules):
            color = {name: pair[number] for name, pair in COLORS.items()}
            rules[theme] += [f"{scope} .{kind}{{fill:{value};stroke:{color['line']}}}" for kind, value in color.items()
                             if kind not in ("line", "text")]
            rules[theme] += [f"{scope} text{{fill:{color['text']}}}", f"{scope} .arrow{{stroke:{color['line']}}}",
                             f"{scope} .head{{fill:{color['line']}}}"]
        style = "".join(rules["light"]) + "@media (prefers-color-scheme:dark){" + "".join(rules["dark"]) + "}"
        return "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" class="koogallery-picture" role="img" viewBox="0 0 {self.width} {self.height}"'
            f' style="display:block;width:100%;max-width:{self.width}px" font-family="{FONT}">',
            f"<title>{self.title}</title>",
            f"<style>{scope} .arrow{{fill:none;stroke-width:1.5}}{style}</style>",
            f'<defs><marker id="koogallery-{self.name}-head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
            ' orient="auto"><path class="head" d="M0 0 L8 4 L0 8 z"/></marker></defs>',
            f'<rect class="page" x="1" y="1" width="{self.width - 2}" height="{self.height - 2}" rx="10"/>',
            *self.parts,
            "</svg>",
            "",
        ])
