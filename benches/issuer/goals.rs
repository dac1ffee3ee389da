//! What the service is meant to reach, and what it did.

use std::fmt::Write as _;

/// The goals that were measured.
#[derive(Default)]
pub struct Goals(Vec<Goal>);

struct Goal {
    what: &'static str,
    bound: Bound,
    unit: &'static str,
    measured: f64,
}

#[derive(Clone, Copy)]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Goals {
    pub fn add(&mut self, what: &'static str, bound: Bound, unit: &'static str, measured: f64) {
        self.0.push(Goal { what, bound, unit, measured });
    }

    pub fn report(&self) -> String {
        let mut text =
            String::from("| goal | bound | measured | reached |\n| --- | ---: | ---: | --- |\n");
        for Goal { what, bound, unit, measured } in &self.0 {
            let (sign, bound, is_reached) = match *bound {
                Bound::AtMost(bound) => ("≤", bound, *measured <= bound),
                Bound::AtLeast(bound) => ("≥", bound, *measured >= bound),
            };
            let reached = if is_reached { "yes" } else { "**no**" };
            let (bound, measured) = (number(bound), number(*measured));
            let _ =
                writeln!(text, "| {what} | {sign} {bound}{unit} | {measured}{unit} | {reached} |");
        }
        text
    }
}

/// With as many digits as say something.
fn number(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}
