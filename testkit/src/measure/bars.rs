//! Bars, as a picture (SVG) for a page.

use std::fmt::Write as _;

/// Bars on a scale of their own.
pub struct Panel {
    pub title: String,
    pub bars: Vec<Bar>,
}

/// One of them.
pub struct Bar {
    pub name: String,
    pub value: f64,
    /// What stands after its value.
    pub unit: &'static str,
    /// Whether it is this product's.
    pub is_ours: bool,
}

const WIDTH: f64 = 760.0;
const LEFT: f64 = 250.0;
const LONGEST_BAR: f64 = 400.0;
const ROW: f64 = 26.0;

/// A picture with a heading, and what it is for those who can't see it.
pub fn draw(heading: &str, label: &str, panels: &[Panel]) -> String {
    let mut body = String::new();
    let mut y = 34.0;
    for Panel { title, bars } in panels {
        y += 18.0;
        let _ = writeln!(body, r#"<text class="title" x="16" y="{y}">{title}</text>"#);
        y += 10.0;
        let longest = bars.iter().map(|bar| bar.value).fold(f64::MIN, f64::max);
        for Bar { name, value, unit, is_ours } in bars {
            let length = LONGEST_BAR * value / longest;
            let class = if *is_ours { "ours" } else { "other" };
            let text = y + 17.0;
            let _ = write!(
                body,
                "<text x=\"{}\" y=\"{text}\" text-anchor=\"end\">{name}</text>\n\
                 <rect class=\"{class}\" x=\"{LEFT}\" y=\"{}\" width=\"{length:.1}\" height=\"18\" rx=\"2\"/>\n\
                 <text x=\"{:.1}\" y=\"{text}\">{}{unit}</text>\n",
                LEFT - 10.0,
                y + 4.0,
                LEFT + length + 8.0,
                if *value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") },
            );
            y += ROW;
        }
        y += 8.0;
    }
    let height = y + 8.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-label=\"{label}\">\n\
         <style>\n\
         text {{ font: 13px system-ui, sans-serif; fill: #24292f }}\n\
         .title {{ font-weight: 600 }}\n\
         .ours {{ fill: #1f6feb }}\n\
         .other {{ fill: #9aa4af }}\n\
         @media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} .ours {{ fill: #58a6ff }} .other {{ fill: #6e7681 }} }}\n\
         </style>\n\
         <text x=\"16\" y=\"24\">{heading}</text>\n\
         {body}</svg>\n"
    )
}
