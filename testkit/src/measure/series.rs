//! The same thing measured in several rounds.

/// The values of one measure, a value a round.
#[derive(Clone, Default)]
pub struct Series(Vec<f64>);

impl Series {
    /// One measure of each round.
    pub fn of<R>(rounds: &[R], measure: impl Fn(&R) -> f64) -> Self {
        Self(rounds.iter().map(measure).collect())
    }

    /// Something of two contenders, round by round: rounds apart may have seen another machine.
    pub fn paired(&self, other: &Self, both: impl Fn(f64, f64) -> f64) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, other)| both(*one, *other)).collect())
    }

    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    pub fn least(&self) -> f64 {
        self.quantile(0.0)
    }

    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub fn most(&self) -> f64 {
        self.quantile(1.0)
    }

    /// Where the median lies with a probability of 95 %, whatever the distribution: between
    /// two of the values (the sign test, in its normal approximation).
    pub fn median_interval(&self) -> (f64, f64) {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len() as f64;
        let outside = ((count - 1.96 * count.sqrt()) / 2.0).max(0.0).floor() as usize;
        (sorted[outside], sorted[sorted.len() - 1 - outside])
    }

    /// Half of the rounds are within so much: the distance between the quartiles.
    pub fn spread(&self) -> f64 {
        self.quantile(0.75) - self.quantile(0.25)
    }

    /// Where so much of the values is below, between two of them in proportion.
    pub fn quantile(&self, part: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let place = part * (sorted.len() - 1) as f64;
        let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        below + (above - below) * place.fract()
    }
}
