//! GET by uuid and the counted list beside a handler that answers a constant; and reads and appends at the same time.

use crate::client::Request;
use crate::material::Material;
use crate::rates::{self, Kind};
use crate::server::Server;
use crate::table::Table;
use crate::{Options, Part};

/// The OMS list: ten events, newest first, with their exact count.
const LIST: &str = "/api/v1/oms/settings/audit_events/?limit=10";

/// Each kind alone, in turns at each number of connections, with the ratio to the constant of the same number.
pub(crate) fn alone(options: &Options, server: &Server, material: &Material) -> anyhow::Result<Table> {
    let (constant, list) = ([Request::get("/healthz")], [Request::get(LIST)]);
    let kinds: [(bool, &str, &[Request]); 3] = [
        (true, "GET /healthz, a constant", &constant),
        (options.measures(Part::Get), "GET by uuid", &material.gets),
        (options.measures(Part::List), "OMS list of 10 with its count", &list),
    ];
    let head: Vec<&str> = ["request"].into_iter().chain(rates::HEAD).chain(["of the constant"]).collect();
    let mut table = Table::new("Reads", &head);
    for connections in options.connections() {
        let mut constant_rate = None;
        for (_, name, requests) in kinds.into_iter().filter(|(measured, _, _)| *measured) {
            let kind = Kind { name, requests, weight: 1 };
            let measured = rates::run(server, &[kind], connections, options.time())?;
            let rate = measured.rate(0);
            let mut cells = vec![name.to_owned()];
            cells.extend(measured.cells(0));
            cells.push(format!("{:.2}", rate / *constant_rate.get_or_insert(rate)));
            table.row(cells);
        }
    }
    Ok(table)
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
