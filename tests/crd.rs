//! What the custom resource definitions promise, seen without a cluster.

use std::sync::LazyLock;

use jiff::tz::TimeZone;
use punctual::{
    api::{CalendarSpec, DateRange, TimingSpec, definitions},
    core::{almanac::Almanac, calendar::Calendar, reason::Reason, timetable::Timetable},
};
use regex::bytes::{Regex, RegexBuilder};
use serde_json::{Value, json};

/// The most that an annotation may hold: `kubectl apply` keeps a copy of the object in one.
const ANNOTATION_LIMIT: usize = 262_144;

#[test]
fn each_is_small_enough_for_a_client_side_apply() {
    for (plural, definition) in definitions() {
        let size = definition.to_string().len();
        assert!(
            size < ANNOTATION_LIMIT / 2,
            "{plural}: {size} bytes: leave room for the fields that Kubernetes adds each year"
        );
    }
}

#[test]
fn they_use_only_what_a_structural_schema_may() {
    each_schema_of_all(|schema, path| {
        for keyword in [
            "$ref",
            "$defs",
            "definitions",
            "allOf",
            "anyOf",
            "oneOf",
            "not",
            "const",
            "patternProperties",
            "uniqueItems",
            "additionalItems",
        ] {
            assert!(schema.get(keyword).is_none(), "{keyword} at {path}");
        }
        let typed = schema.get("type").is_some_and(Value::is_string);
        let int_or_string = schema.get("x-kubernetes-int-or-string").is_some();
        assert!(typed != int_or_string, "no type, or two, at {path}");
        assert!(
            schema.get("properties").is_none() || schema.get("additionalProperties").is_none(),
            "both a struct and a map at {path}"
        );
    });
}

#[test]
fn they_use_only_formats_that_the_api_server_knows() {
    each_schema_of_all(|schema, path| {
        if let Some(format) = schema.get("format") {
            let format = format.as_str().unwrap_or_default();
            assert!(
                ["int32", "int64", "double", "byte", "date-time"].contains(&format),
                "format {format} at {path}: kubectl would warn about it"
            );
        }
    });
}

#[test]
fn limits_are_whole_numbers() {
    each_schema_of_all(|schema, path| {
        for limit in ["minimum", "maximum"] {
            if let Some(value) = schema.get(limit) {
                assert!(value.is_i64(), "{limit} of {value} at {path}");
            }
        }
    });
}

#[test]
fn every_object_of_the_template_keeps_unknown_fields() {
    each_schema(&spec("template"), "template", &mut |schema, path| {
        if schema.get("properties").is_some() {
            assert_eq!(
                schema.get("x-kubernetes-preserve-unknown-fields"),
                Some(&json!(true)),
                "{path} would lose the fields of a newer Kubernetes"
            );
        }
    });
}

#[test]
fn our_own_fields_keep_none() {
    each_schema_of_ours(|schema, path| {
        assert!(
            schema.get("x-kubernetes-preserve-unknown-fields").is_none(),
            "a typo at {path} would pass"
        );
    });
}

#[test]
fn the_template_is_typed_and_has_its_containers() {
    let pod = &spec("template")["properties"]["spec"];
    let container = &pod["properties"]["containers"]["items"];
    assert_eq!(spec("template")["required"], json!(["spec"]));
    assert_eq!(pod["required"], json!(["containers"]));
    assert_eq!(pod["properties"]["containers"]["minItems"], 1);
    assert_eq!(container["required"], json!(["name"]));
    assert_eq!(container["properties"]["args"]["items"]["type"], "string");
    assert_eq!(
        spec("template")["properties"]["metadata"]["properties"]["labels"]["additionalProperties"],
        json!({"type": "string"})
    );
}

#[test]
fn what_is_left_out_has_a_default() {
    for (field, default) in [
        ("suspend", json!(false)),
        ("concurrencyPolicy", json!("Forbid")),
        ("successfulRunsHistoryLimit", json!(3)),
        ("failedRunsHistoryLimit", json!(1)),
    ] {
        assert_eq!(spec(field)["default"], default, "default of {field}");
    }
}

#[test]
fn two_conditions_of_one_type_are_impossible() {
    let conditions = &root()["properties"]["status"]["properties"]["conditions"];
    assert_eq!(conditions["x-kubernetes-list-type"], "map");
    assert_eq!(conditions["x-kubernetes-list-map-keys"], json!(["type"]));
}

#[test]
fn our_fields_are_explained_in_whole_sentences() {
    each_schema_of_ours(|schema, path| {
        if path.ends_with("[]") && schema["type"] != "object" {
            return; // told by the list itself
        }
        let text = schema.get("description").and_then(Value::as_str);
        let text = text.unwrap_or_else(|| panic!("nothing explains {path}"));
        assert!(text.ends_with('.'), "no sentence at {path}: {text}");
        for markup in ["[`", "`]", "](", "::", "\n\n\n"] {
            assert!(!text.contains(markup), "source markup at {path}: {text}");
        }
    });
}

#[test]
fn every_rule_says_the_way_out() {
    each_schema_of_all(|schema, path| {
        for rule in schema
            .get("x-kubernetes-validations")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let message = rule["message"].as_str().unwrap_or_default();
            assert!(message.len() > 40, "a rule at {path} only says {message:?}");
            assert!(
                !message.contains('\n'),
                "a rule at {path} says more than a line"
            );
        }
    });
}

#[test]
fn both_kinds_of_calendars_say_the_same() {
    let [_, (_, namespaced), (_, clustered)] = &*DEFINITIONS;
    assert_eq!(namespaced["spec"]["scope"], "Namespaced");
    assert_eq!(clustered["spec"]["scope"], "Cluster");
    let columns = |of: &Value| of["spec"]["versions"][0]["additionalPrinterColumns"].clone();
    assert_eq!(columns(namespaced), columns(clustered));
    let fields = |of: &Value| schema_of(of)["properties"]["spec"]["properties"].clone();
    assert_eq!(fields(namespaced), fields(clustered));
}

#[test]
fn whatever_has_a_rule_is_bounded() {
    // The API server refuses a definition whose rules could take too long.
    each_schema_of_ours(|schema, path| {
        let ruled = schema.get("x-kubernetes-validations").is_some();
        if ruled && schema["type"] == "string" {
            assert!(schema.get("maxLength").is_some(), "no limit at {path}");
        }
        if schema["type"] == "array" && path.contains("spec") {
            assert!(schema.get("maxItems").is_some(), "no limit at {path}");
        }
    });
}

#[test]
fn a_schedule_that_core_reads_passes_the_rules() {
    let rules = Rules::of(&spec("schedule"));
    let mut read = 0;
    let spaces = [
        "\t", "\n", "\r", "\r\n", "\u{b}", "\u{c}", "\u{85}", "\u{a0}", "\u{1680}", "\u{2003}",
        "\u{2028}", "\u{3000}", "\u{200b}", "\u{feff}", "\u{0}", "\u{7f}", "é", "~", "  ",
    ];
    let expressions = [
        "0 3 * * *",
        "0 0 3 * * ?",
        "0 0 0 1 1 ? 2030",
        "@daily",
        "@every 90s",
        "@every 1500000µs",
        "@at 2026-12-24 18:00",
        "TZ=UTC 0 3 * * *",
        "cron_tz=UTC 0 3 * * *",
        "0 0 * * MON-FRI,SUN#2",
        "H H(0-5) L,15W * *",
        "",
        "* * * *",
        "* * * * * * * *",
    ];
    let mut inputs: Vec<String> = Vec::new();
    for expression in expressions {
        inputs.push(expression.to_owned());
        for space in spaces {
            inputs.push(format!("{space}{expression}"));
            inputs.push(format!("{expression}{space}"));
            inputs.push(expression.replace(' ', space));
            inputs.push(expression.replacen(' ', space, 1));
        }
    }
    inputs.push("1,".repeat(506) + "1 3 * * *");
    inputs.push("1,".repeat(510) + "1 3 * * *");
    for input in inputs {
        let spec = TimingSpec {
            schedule: Some(input.clone()),
            ..TimingSpec::default()
        };
        let why = match Timetable::parse(&spec, &Almanac::new(TimeZone::UTC), Some(("a", "b"))) {
            Ok(_) => None,
            Err(idle) if idle.reason == Reason::Disabled => None,
            Err(idle) => Some(idle.message),
        };
        if why.is_none() {
            read += 1;
            assert!(
                rules.pass(&input),
                "{input:?} is read, and refused when applied"
            );
        }
        // All that stands in a field or between fields is checked when it is applied.
        if !rules.pass(&input) {
            assert!(why.is_some(), "{input:?}");
        }
    }
    assert!(read > 50, "only {read} were read");
}

#[test]
fn a_calendar_that_core_reads_passes_the_rules() {
    let [_, (_, definition), _] = &*DEFINITIONS;
    let spec = &schema_of(definition)["properties"]["spec"]["properties"];
    let (dates, weekdays) = (
        Rules::of(&spec["dates"]["items"]),
        Rules::of(&spec["weekdays"]["items"]),
    );
    let ends = ["first", "last"].map(|end| Rules::of(&spec["ranges"]["items"]["properties"][end]));
    let mut read = 0;
    for day in [
        "2026-12-25",
        "12-25",
        "02-29",
        "2026-02-29",
        " 2026-12-25",
        "2026-12-25 ",
        "12-25\n",
        "2026-12-25T00:00",
        "2026-1-01",
        "1-1",
        "+1-01",
        "２026-12-25",
        "0000-01-01",
        "1970-01-01",
        "2100-12-31",
        "2101-01-01",
        "00-10",
        "13-10",
        "10-00",
        "10-32",
        "",
        "-",
        "--",
        "12_25",
    ] {
        let texts = || vec![day.to_owned()];
        let range = DateRange {
            first: day.into(),
            last: day.into(),
        };
        let in_dates = CalendarSpec {
            dates: texts(),
            ..CalendarSpec::default()
        };
        let in_ranges = CalendarSpec {
            ranges: vec![range],
            ..CalendarSpec::default()
        };
        let is_read = Calendar::parse(&in_dates).is_ok();
        assert_eq!(Calendar::parse(&in_ranges).is_ok(), is_read, "{day:?}");
        if is_read {
            read += 1;
            assert!(
                dates.pass(day) && ends.iter().all(|end| end.pass(day)),
                "{day:?}"
            );
        }
    }
    assert_eq!(read, 5);
    for name in [
        "SUN",
        "mon",
        "Tue",
        "wED",
        "THU",
        "fri",
        "SAT",
        "Monday",
        "monday",
        " tue ",
        "tue\n",
        "TU",
        "",
        "ＳＵＮ",
        "ſun",
        "ſat",
        "0",
        "7",
        "MON,TUE",
        "\u{feff}MON",
    ] {
        let spec = CalendarSpec {
            weekdays: vec![name.to_owned()],
            ..CalendarSpec::default()
        };
        assert_eq!(
            Calendar::parse(&spec).is_ok(),
            weekdays.pass(name),
            "{name:?}"
        );
    }
    // As many as one may have, and one more.
    for (field, most) in [("dates", 4000), ("ranges", 500), ("weekdays", 7)] {
        assert_eq!(spec[field]["maxItems"], most);
        for (count, is_read) in [(most, true), (most + 1, false)] {
            let day = || "12-25".to_owned();
            let mut spec = CalendarSpec::default();
            match field {
                "dates" => spec.dates = vec![day(); count],
                "ranges" => {
                    spec.ranges = vec![
                        DateRange {
                            first: day(),
                            last: day()
                        };
                        count
                    ]
                }
                _ => spec.weekdays = vec!["SUN".to_owned(); count],
            }
            assert_eq!(Calendar::parse(&spec).is_ok(), is_read, "{count} {field}");
        }
    }
}

/// What the API server asks of a text.
struct Rules {
    /// What it must match, or must not.
    matches: Vec<(bool, Regex)>,
    most: usize,
}

impl Rules {
    fn of(schema: &Value) -> Self {
        let rules = schema["x-kubernetes-validations"].as_array().unwrap();
        let matches = rules.iter().map(|rule| {
            let rule = rule["rule"].as_str().unwrap();
            let (wanted, call) = match rule.strip_prefix('!') {
                Some(call) => (false, call),
                None => (true, rule),
            };
            let pattern = call
                .strip_prefix("self.matches('")
                .and_then(|rest| rest.strip_suffix("')"))
                .unwrap_or_else(|| panic!("{rule} is more than one expression"))
                .replace(r"\\", r"\");
            // Go's classes such as \s, and its letters in any case, but for two, are those of ASCII.
            let regex = RegexBuilder::new(&pattern).unicode(false).build();
            (
                wanted,
                regex.unwrap_or_else(|why| panic!("{pattern}: {why}")),
            )
        });
        Self {
            matches: matches.collect(),
            most: schema["maxLength"].as_u64().unwrap() as usize,
        }
    }

    fn pass(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        text.chars().count() <= self.most
            && self
                .matches
                .iter()
                .all(|(wanted, regex)| regex.is_match(bytes) == *wanted)
    }
}

static DEFINITIONS: LazyLock<[(&str, Value); 3]> = LazyLock::new(definitions);

fn schema_of(definition: &Value) -> &Value {
    &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
}

/// That of the schedules.
fn root() -> Value {
    schema_of(&DEFINITIONS[0].1).clone()
}

/// Calls `check` on every schema of every definition.
fn each_schema_of_all(mut check: impl FnMut(&Value, &str)) {
    for (plural, definition) in &*DEFINITIONS {
        each_schema(schema_of(definition), plural, &mut check);
    }
}

/// The same without what is Kubernetes' own: the pod template.
fn each_schema_of_ours(mut check: impl FnMut(&Value, &str)) {
    for (plural, definition) in &*DEFINITIONS {
        let mut schema = schema_of(definition).clone();
        if let Some(template) = schema.pointer_mut("/properties/spec/properties/template") {
            template["properties"] = json!({});
            let template = template.as_object_mut().unwrap();
            template.remove("x-kubernetes-preserve-unknown-fields");
        }
        each_schema(&schema, plural, &mut check);
    }
}

fn spec(field: &str) -> Value {
    root()["properties"]["spec"]["properties"][field].clone()
}

/// Calls `check` on a schema and on all below it, with their paths.
fn each_schema(schema: &Value, path: &str, check: &mut impl FnMut(&Value, &str)) {
    check(schema, path);
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (name, property) in properties {
            each_schema(property, &format!("{path}.{name}"), check);
        }
    }
    for below in ["items", "additionalProperties"] {
        if let Some(below) = schema.get(below) {
            each_schema(below, &format!("{path}[]"), check);
        }
    }
}
