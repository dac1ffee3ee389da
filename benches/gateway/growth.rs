//! How the cost grows: with the configuration, with the tokens, with the connections.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::comparison::{JWT_AUTHN_CACHED, NO_FILTER, WARM};
use crate::gateway::{self, Point, jwt_authn, namespace_jwt};
use crate::load::{Round, Tokens};
use crate::mint::Mint;
use testkit::contract::MAX_TOKEN_BYTES;
use testkit::measure::Series;
use testkit::mint::{Key, Kind};
use testkit::protected::{NAMESPACE, grant};

const KEYS: [usize; 3] = [1, 4, 16];
const REVOKED: [usize; 4] = [1, 100, 10_000, 100_000];
const CONNECTED: [usize; 5] = [1, 4, 16, 64, 256];
/// The cache's size, and how many tokens come in turn.
const CACHES: [(usize, usize); 6] =
    [(0, 5000), (1000, 5000), (10_000, 5000), (1000, 50_000), (10_000, 50_000), (100_000, 50_000)];

/// A row of the report: what varies, and the points that are measured for it.
struct Row {
    table: &'static str,
    label: String,
    columns: Vec<(&'static str, usize)>,
    with_latency: bool,
}

/// What is told of a round, and its name.
type Measure = (&'static str, fn(&Round) -> f64);

/// What is to be measured, before anything is.
struct Plan<'a> {
    mint: &'a Mint,
    key: &'a Key,
    rows: Vec<Row>,
    points: Vec<Point>,
}

impl Plan<'_> {
    fn point(&mut self, point: Point) -> usize {
        self.points.push(point);
        self.points.len() - 1
    }

    /// A row with tokens seen before, and with every token a new one.
    fn seen_and_new(
        &mut self,
        table: &'static str,
        label: String,
        configuration: &Value,
        tokens: impl Fn(usize) -> Tokens,
    ) {
        let mut uncached = configuration.clone();
        uncached["token_cache_size"] = json!(0);
        let (repeated, different) = (tokens(16), tokens(500));
        let mut filtered = |column, configuration, tokens| {
            let listener = format!("{table} {label} {column}");
            let filter = namespace_jwt(configuration, &listener);
            (column, self.point(Point::new(listener, Some(filter), tokens)))
        };
        let seen = filtered("tokens seen before", configuration, repeated.clone());
        let new = filtered("new tokens", &uncached, different);
        let without = self.point(Point::new(NO_FILTER.to_owned(), None, repeated));
        let columns = vec![(NO_FILTER, without), seen, new];
        self.rows.push(Row { table, label, columns, with_latency: false });
    }

    fn keys(&mut self) {
        for count in KEYS {
            let keys: Vec<_> =
                (0..count).map(|n| Key::named(Kind::P256, &format!("bench-{n}"))).collect();
            let jwks: Vec<_> = keys
                .iter()
                .enumerate()
                .map(|(n, key)| key.jwk_with_kid(&format!("key-{n}")))
                .collect();
            let configuration = json!({"namespace_id": NAMESPACE, "jwks": {"keys": jwks}});
            let (last, mint) = (&keys[count - 1], self.mint);
            let kid = format!("key-{}", count - 1);
            self.seen_and_new(
                "keys, the token names the last",
                count.to_string(),
                &configuration,
                |n| mint.tokens(n, last, Some(&kid), &json!({})),
            );
        }
    }

    fn revoked(&mut self) {
        for count in REVOKED {
            let ids: Vec<_> =
                (0..count).map(|n| format!("ffffffff-0000-4000-8000-{n:012}")).collect();
            let mut configuration = self.configuration();
            configuration["revoked_token_ids"] = json!(ids);
            let (mint, key) = (self.mint, self.key);
            self.seen_and_new("revoked ids", count.to_string(), &configuration, |n| {
                mint.tokens(n, key, None, &json!({}))
            });
        }
    }

    fn grants(&mut self) {
        let claim = |count: usize| {
            let other =
                |n| grant("00000000-0000-4000-8000-000000000000", &format!("application {n:>024}"));
            let others = (1..count).map(other);
            json!({"application_claim": others.chain([grant(NAMESPACE, "")]).collect::<Vec<_>>()})
        };
        let length = |count| self.key.token(&testkit::protected::claims_with(claim(count))).len();
        let most =
            (1..).take_while(|count| length(*count) <= MAX_TOKEN_BYTES).last().expect("one grant");
        for count in [1, 10, most] {
            let (mint, key) = (self.mint, self.key);
            self.seen_and_new(
                "grants, the last one grants",
                count.to_string(),
                &self.configuration(),
                |n| mint.tokens(n, key, None, &claim(count)),
            );
        }
    }

    fn lengths(&mut self) {
        let padded = |padding: usize| json!({"sub": "x".repeat(padding)});
        let plain = self.key.token(&testkit::protected::claims_with(padded(0))).len();
        for length in [plain, 1024, 2048, 4096, MAX_TOKEN_BYTES] {
            // Base64url makes four of three.
            let claims = padded((length - plain) / 4 * 3);
            let (mint, key) = (self.mint, self.key);
            self.seen_and_new(
                "bytes of the token",
                length.to_string(),
                &self.configuration(),
                |n| mint.tokens(n, key, None, &claims),
            );
        }
    }

    fn caches(&mut self) {
        for (size, count) in CACHES {
            let mut configuration = self.configuration();
            configuration["token_cache_size"] = json!(size);
            let listener = format!("cache of {size} with {count}");
            let filter = namespace_jwt(&configuration, &listener);
            let tokens = self.mint.tokens(count, self.key, None, &json!({}));
            let point = Point::new(listener, Some(filter), tokens);
            let column = ("tokens in turn", self.point(Point { before: count, ..point }));
            self.rows.push(Row {
                table: "tokens cached at most, of tokens in turn",
                label: format!("{size} of {count}"),
                columns: vec![column],
                with_latency: false,
            });
        }
    }

    fn connections(&mut self) {
        let tokens = self.mint.tokens(16, self.key, None, &json!({}));
        let contenders = [
            (NO_FILTER, None),
            (JWT_AUTHN_CACHED, Some(jwt_authn(&self.key.jwk(), Some(100)))),
            (WARM, Some(namespace_jwt(&self.configuration(), WARM))),
        ];
        for connections in CONNECTED {
            let point = |(name, filter): &(&'static str, Option<Value>)| {
                let point = Point::new((*name).to_owned(), filter.clone(), tokens.clone());
                (*name, self.point(Point { connections, ..point }))
            };
            let columns = contenders.iter().map(point).collect();
            let label = connections.to_string();
            self.rows.push(Row { table: "connections", label, columns, with_latency: true });
        }
    }

    fn configuration(&self) -> Value {
        json!({"namespace_id": NAMESPACE, "public_key": self.key.public_pem()})
    }
}

/// Measures, and gives this part of the report.
pub fn run(mint: &Mint, rounds: usize) -> String {
    eprintln!("==> how the cost grows: minting");
    let key = Key::named(Kind::P256, "bench");
    let mut plan = Plan { mint, key: &key, rows: Vec::new(), points: Vec::new() };
    plan.keys();
    plan.revoked();
    plan.grants();
    plan.lengths();
    plan.caches();
    plan.connections();
    let Plan { rows, mut points, .. } = plan;
    let measured = gateway::measure("how the cost grows", &mut points, rounds);
    report(&rows, &measured)
}

fn report(rows: &[Row], measured: &[Vec<Round>]) -> String {
    let mut text = String::new();
    let mut table = "";
    for Row { table: this, label, columns, with_latency } in rows {
        let measures: &[Measure] = match with_latency {
            true => &[("CPU", |it| it.cpu), ("p50", |it| it.p50), ("p99", |it| it.p99)],
            false => &[("CPU", |it| it.cpu)],
        };
        let cells = || {
            let cell = move |(measure, value)| {
                columns.iter().map(move |(column, point)| (measure, *column, value, *point))
            };
            measures.iter().copied().flat_map(cell)
        };
        if *this != table {
            table = this;
            let _ = write!(text, "\n| {table} |");
            for (measure, column, ..) in cells() {
                let _ = write!(text, " {measure}: {column} |");
            }
            let _ = writeln!(text, "\n| ---: |{}", " ---: |".repeat(cells().count()));
        }
        let _ = write!(text, "| {label} |");
        for (measure, _, value, point) in cells() {
            let median = Series::of(&measured[point], value).median();
            let digits = usize::from(measure == "CPU");
            let _ = write!(text, " {median:.digits$} |");
        }
        text.push('\n');
    }
    text
}
