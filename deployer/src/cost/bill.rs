//! A bill: usage times price, minus the always-free allowances.

use serde::Serialize;

use super::prices::{API_TIER, Allowance, Item, Rates};
use super::usage::Usage;

/// A line of a bill.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Line {
    pub(crate) what: &'static str,
    pub(crate) quantity: f64,
    /// The unit. Empty for plain counts.
    pub(crate) unit: &'static str,
    /// Dollars at list price.
    pub(crate) list: f64,
    /// Dollars that are always free.
    pub(crate) free: f64,
}

impl Line {
    /// Dollars to pay.
    pub(crate) fn pay(&self) -> f64 {
        self.list - self.free
    }
}

/// The bill of a month.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Bill {
    pub(crate) lines: Vec<Line>,
    pub(crate) list: f64,
    pub(crate) free: f64,
    pub(crate) pay: f64,
}

impl Bill {
    pub(crate) fn of(usage: &Usage, rates: &Rates, arm64: bool) -> Self {
        let line = |what, quantity: f64, unit, item: Item, free: f64| {
            let usd = rates.usd(item);
            Line { what, quantity, unit, list: quantity * usd, free: quantity.min(free) * usd }
        };
        let allowed = |allowance| rates.free(allowance);
        let none = 0.0;
        let mut lines = Vec::new();
        let first = usage.api_requests.min(API_TIER);
        let beyond = usage.api_requests - first;
        let list =
            first * rates.usd(Item::ApiRequests) + beyond * rates.usd(Item::ApiRequestsBeyond);
        let quantity = usage.api_requests;
        lines.push(Line { what: "API requests", quantity, unit: "", list, free: none });
        lines.push(line(
            "Function requests",
            usage.function_requests,
            "",
            Item::FunctionRequests,
            allowed(Allowance::FunctionRequests),
        ));
        let item = if arm64 { Item::Arm64Seconds } else { Item::X86Seconds };
        let free = allowed(Allowance::FunctionSeconds);
        lines.push(line("Function time", usage.function_seconds, "GB-seconds", item, free));
        let is_provisioned = usage.write_unit_hours > 0.0;
        if is_provisioned {
            let free = allowed(Allowance::TableUnits) * super::usage::HOURS;
            let (writes, reads) = (Item::WriteUnitHours, Item::ReadUnitHours);
            let unit = "unit-hours";
            lines.push(line("Table: to write", usage.write_unit_hours, unit, writes, free));
            lines.push(line("Table: to read", usage.read_unit_hours, unit, reads, free));
        } else {
            let (writes, reads) = (Item::TableWrites, Item::TableReads);
            lines.push(line("Table: writes", usage.table_writes, "units", writes, none));
            lines.push(line("Table: reads", usage.table_reads, "units", reads, none));
        }
        let free = allowed(Allowance::TableStorage);
        lines.push(line("Table: storage", usage.table_storage, "GB", Item::TableStorage, free));
        if usage.table_recovery > 0.0 {
            let item = Item::TableRecovery;
            lines.push(line("Table: recovery", usage.table_recovery, "GB", item, none));
        }
        // Ingestion and storage share one allowance.
        let free = allowed(Allowance::Logs);
        lines.push(line("Logs", usage.logs, "GB", Item::Logs, free));
        let left = (free - usage.logs).max(0.0);
        lines.push(line("Logs kept", usage.log_storage, "GB", Item::LogStorage, left));
        if usage.alarms > 0.0 {
            let free = allowed(Allowance::Alarms);
            lines.push(line("Alarms", usage.alarms, "", Item::Alarms, free));
        }
        let free = allowed(Allowance::Transfer);
        lines.push(line("Data to the internet", usage.transfer, "GB", Item::Transfer, free));
        lines.push(line("Code in S3", usage.bucket_storage, "GB", Item::BucketStorage, none));
        lines.push(line("Code put there", usage.bucket_puts, "objects", Item::BucketPuts, none));
        // EventBridge schedules are free. Listed for completeness.
        let (what, quantity) = ("Schedule", usage.runs);
        lines.push(Line { what, quantity, unit: "runs", list: 0.0, free: 0.0 });
        let (list, free) = lines.iter().fold((0.0, 0.0), |(l, f), x| (l + x.list, f + x.free));
        Self { lines, list, free, pay: list - free }
    }

    /// Returns the line of a name.
    pub(crate) fn line(&self, what: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.what == what)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]
mod tests {
    use super::super::prices::Prices;
    use super::*;

    fn bill(usage: Usage) -> Bill {
        Bill::of(&usage, &Prices::load().unwrap().in_region("us-east-1").unwrap(), true)
    }

    fn check(bill: &Bill, what: &str, list: f64, pay: f64) {
        let line = bill.line(what).unwrap();
        assert!((line.list - list).abs() < 1e-6, "{what}: {} at list", line.list);
        assert!((line.pay() - pay).abs() < 1e-6, "{what}: {} to pay", line.pay());
    }

    #[test]
    fn matches_a_bill_calculated_by_hand() {
        let bill = bill(Usage {
            api_requests: 400e6,
            function_requests: 3e6,
            function_seconds: 500_000.0,
            table_writes: 2e6,
            table_reads: 8e6,
            table_storage: 30.0,
            table_recovery: 30.0,
            logs: 4.0,
            log_storage: 2.0,
            alarms: 12.0,
            transfer: 150.0,
            bucket_storage: 1.0,
            bucket_puts: 1000.0,
            runs: 730.0,
            ..Usage::default()
        });
        // 300 million for a dollar each, and 100 million for 90 cents.
        check(&bill, "API requests", 390.0, 390.0);
        check(&bill, "Function requests", 0.6, 0.4);
        check(&bill, "Function time", 6.6667, 1.33334);
        check(&bill, "Table: writes", 1.25, 1.25);
        check(&bill, "Table: reads", 1.0, 1.0);
        check(&bill, "Table: storage", 7.5, 1.25);
        check(&bill, "Table: recovery", 6.0, 6.0);
        check(&bill, "Logs", 2.0, 0.0);
        // 1 GB of the 5 is left for what is kept.
        check(&bill, "Logs kept", 0.06, 0.03);
        check(&bill, "Alarms", 1.2, 0.2);
        check(&bill, "Data to the internet", 13.5, 4.5);
        check(&bill, "Code in S3", 0.023, 0.023);
        check(&bill, "Code put there", 0.005, 0.005);
        check(&bill, "Schedule", 0.0, 0.0);
        let sum: f64 = bill.lines.iter().map(Line::pay).sum();
        assert!((bill.pay - sum).abs() < 1e-6 && (bill.list - bill.free - sum).abs() < 1e-6);
    }

    #[test]
    fn bills_provisioned_units_by_the_hour_beyond_25_free_ones() {
        let units = |units: f64| Usage {
            read_unit_hours: units * 730.0,
            write_unit_hours: units * 730.0,
            table_writes: 1e9,
            table_reads: 1e9,
            ..Usage::default()
        };
        let free = bill(units(25.0));
        check(&free, "Table: to write", 11.8625, 0.0);
        check(&free, "Table: to read", 2.3725, 0.0);
        assert_eq!(free.line("Table: writes"), None);
        check(&bill(units(35.0)), "Table: to write", 16.6075, 4.745);
    }
}
