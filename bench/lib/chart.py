"""Bars as SVG, readable on light and on dark pages."""

import math
from xml.sax.saxutils import escape

WIDTH = 760
LABEL = 270
VALUE = 90
BAR = 18
STEP = 26
TITLE = 46

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.note { font-size: 12px; fill: #57606a }
.bar { fill: #8c959f }
.ours { fill: #1f6feb }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .note { fill: #9198a1 }
  .bar { fill: #656c76 }
  .ours { fill: #4493f8 }
}
"""


class Panel:
    def __init__(self, title, note, bars, digits=0, log=False):
        self.title = title
        self.note = note
        self.bars = bars            # of (label, value, whether it is ours)
        self.digits = digits
        self.log = log

    def height(self):
        return TITLE + STEP * len(self.bars) + 18

    def length(self, value):
        room = WIDTH - LABEL - VALUE
        high = max(v for _, v, _ in self.bars)
        if not self.log:
            return room * value / high
        # from a tenth of the lowest on, so that each has a bar
        low = min(v for _, v, _ in self.bars if v > 0) / 10
        return room * math.log(value / low) / math.log(high / low)

    def svg(self, top):
        out = ['<text class="title" x="0" y="%d">%s</text>'
               % (top + 16, escape(self.title)),
               '<text class="note" x="0" y="%d">%s</text>'
               % (top + 34, escape(self.note))]
        for i, (label, value, ours) in enumerate(self.bars):
            y = top + TITLE + STEP * i
            width = self.length(value) if value > 0 else 0
            out.append('<text x="%d" y="%d" text-anchor="end">%s</text>'
                       % (LABEL - 8, y + 14, escape(label.replace("`", ""))))
            out.append('<rect class="bar%s" x="%d" y="%d" width="%.1f" '
                       'height="%d" rx="2"/>'
                       % (" ours" if ours else "", LABEL, y, width, BAR))
            out.append('<text x="%.1f" y="%d">%s</text>'
                       % (LABEL + width + 6, y + 14,
                          "{:,.{}f}".format(value, self.digits)))
        return out


def svg(panels):
    height = sum(p.height() for p in panels)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="-8 0 %d %d" '
           'role="img">' % (WIDTH + 16, height),
           "<title>%s</title>" % escape("; ".join(p.title for p in panels)),
           "<style>%s</style>" % STYLE]
    top = 0
    for panel in panels:
        out += panel.svg(top)
        top += panel.height()
    return "\n".join(out + ["</svg>"]) + "\n"
