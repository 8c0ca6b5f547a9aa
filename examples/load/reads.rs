//! GET by uuid and the counted list beside a handler that answers a constant; and reads and appends at the same time.

use crate::client::Request;
use crate::material::Material;
use crate::rates::{self, Kind, Measured};
use crate::server::Server;
use crate::table::Table;
use crate::{Options, Workload};

/// The OMS list: ten events, newest first, with their exact count.
const LIST: &str = "/api/v1/oms/settings/audit_events/?limit=10";

/// A page that is built in: a handler that answers the same bytes each time, about as many as an event has.
const CONSTANT: &str = "/docs";

/// Turns of each kind: a shared machine is faster in one second than in the next, and what is compared has to be close together.
const ROUNDS: u32 = 8;

/// Each kind alone, in turns at each number of connections, with the ratio to the constant: the median of those of the rounds.
pub(crate) fn alone(options: &Options, server: &Server, material: &Material) -> anyhow::Result<Table> {
    let (constant, list) = ([Request::get(CONSTANT)], [Request::get(LIST)]);
    let kinds: [(bool, &'static str, &[Request]); 3] = [
        (true, "GET /docs, a constant", &constant),
        (options.measures(Workload::Get), "GET by uuid", &material.gets),
        (options.measures(Workload::List), "OMS list of 10 with its count", &list),
    ];
    let kinds = kinds.into_iter().filter(|(is_measured, _, _)| *is_measured);
    let kinds: Vec<Kind<'_>> = kinds.map(|(_, name, requests)| Kind { name, requests, weight: 1 }).collect();
    let head: Vec<&str> = ["request"].into_iter().chain(rates::HEAD).chain(["of the constant"]).collect();
    let mut table = Table::new("Reads", &head);
    for connections in options.connections() {
        let mut rounds: Vec<Vec<Measured>> = kinds.iter().map(|_| Vec::new()).collect();
        for _ in 0..ROUNDS {
            for (kind, rounds) in kinds.iter().zip(&mut rounds) {
                rounds.push(rates::run(server, std::slice::from_ref(kind), connections, options.time() / ROUNDS)?);
            }
        }
        let rates = |measured: &[Measured]| measured.iter().map(|round| round.rate(0)).collect::<Vec<_>>();
        let constant_rates = rates(&rounds[0]);
        for (kind, rounds) in kinds.iter().zip(rounds) {
            let ratios = rates(&rounds).iter().zip(&constant_rates).map(|(rate, constant)| rate / constant).collect();
            let mut cells = vec![kind.name.to_owned()];
            cells.extend(Measured::together(rounds).cells(0));
            cells.push(format!("{:.2}", median(ratios)));
            table.row(cells);
        }
    }
    Ok(table)
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    let upper = numbers.len() / 2;
    f64::midpoint(numbers[(numbers.len() - 1) / 2], numbers[upper])
}

/// What an application and the people who look at its log do at once: of ten requests, five GETs, two lists, three appends.
pub(crate) fn mixed(options: &Options, server: &Server, material: &Material) -> anyhow::Result<Table> {
    let list = [Request::get(LIST)];
    let head: Vec<&str> = ["request"].into_iter().chain(rates::HEAD).collect();
    let mut table = Table::new("Mixed", &head);
    for connections in options.connections() {
        let kinds = [
            Kind { name: "GET by uuid", requests: &material.gets, weight: 5 },
            Kind { name: "OMS list of 10 with its count", requests: &list, weight: 2 },
            Kind { name: "POST of one event", requests: &material.singles, weight: 3 },
        ];
        let measured = rates::run(server, &kinds, connections, options.time())?;
        let mut row = |name: &str, cells: Vec<String>| {
            table.row(std::iter::once(name.to_owned()).chain(cells).collect::<Vec<_>>());
        };
        kinds.iter().enumerate().for_each(|(at, kind)| row(kind.name, measured.cells(at)));
        row("all of them", measured.all());
    }
    Ok(table)
}
