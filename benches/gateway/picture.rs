//! The comparison as a picture (SVG) for the README.

use std::fmt::Write as _;

use crate::comparison::{
    DO_NOTHING, GUEST, HOST, JWT_AUTHN, JWT_AUTHN_CACHED, JWT_SIMPLE, NO_FILTER, Results, WARM,
};

/// The keys that the platform gives out.
const SUITE: &str = "RSA-4096";

/// Each has a scale of its own: the first one's longest bar is a hundred of the second one's.
const PANELS: [(&str, &[&str]); 2] = [
    ("A new token", &[JWT_SIMPLE, GUEST, HOST, JWT_AUTHN]),
    ("A token seen before, on another scale", &[WARM, DO_NOTHING, JWT_AUTHN_CACHED, NO_FILTER]),
];

const WIDTH: f64 = 760.0;
const LEFT: f64 = 250.0;
const LONGEST_BAR: f64 = 400.0;
const ROW: f64 = 26.0;

/// Bars of the median CPU for each request, in microseconds.
pub fn draw(results: &[Results]) -> String {
    let Some(result) = results.iter().find(|result| result.suite == SUITE) else {
        return String::new();
    };
    let mut body = String::new();
    let mut y = 34.0;
    for (title, contenders) in PANELS {
        y += 18.0;
        let _ = writeln!(body, r#"<text class="title" x="16" y="{y}">{title}</text>"#);
        y += 10.0;
        let bars: Vec<_> =
            contenders.iter().filter_map(|name| Some((*name, result.median(name)?))).collect();
        let longest = bars.iter().map(|(_, value)| *value).fold(f64::MIN, f64::max);
        for (name, value) in bars {
            let length = LONGEST_BAR * value / longest;
            let class = if name.starts_with("namespace-jwt") { "ours" } else { "other" };
            let text = y + 17.0;
            let _ = write!(
                body,
                "<text x=\"{}\" y=\"{text}\" text-anchor=\"end\">{name}</text>\n\
                 <rect class=\"{class}\" x=\"{LEFT}\" y=\"{}\" width=\"{length:.1}\" height=\"18\" rx=\"2\"/>\n\
                 <text x=\"{:.1}\" y=\"{text}\">{} µs</text>\n",
                LEFT - 10.0,
                y + 4.0,
                LEFT + length + 8.0,
                if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") },
            );
            y += ROW;
        }
        y += 8.0;
    }
    let height = y + 8.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-label=\"CPU of Envoy for each request\">\n\
         <style>\n\
         text {{ font: 13px system-ui, sans-serif; fill: #24292f }}\n\
         .title {{ font-weight: 600 }}\n\
         .ours {{ fill: #1f6feb }}\n\
         .other {{ fill: #9aa4af }}\n\
         @media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} .ours {{ fill: #58a6ff }} .other {{ fill: #6e7681 }} }}\n\
         </style>\n\
         <text x=\"16\" y=\"24\">CPU of Envoy for each request with an {SUITE} token, median</text>\n\
         {body}</svg>\n"
    )
}
