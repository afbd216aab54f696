use bytes::Bytes;
use farm_core::pool::Mark;
use reqwest::StatusCode;

use super::*;
use crate::make::tests::vm as make;

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        body: Bytes::from(body.to_owned()),
    }
}

#[test]
fn refusals_are_sorted_by_what_to_do() {
    use NotMade::{Passing, Quota, Refused, StockOut};
    for (status, code, cause) in [
        (500, "InsufficientInstanceCapacity", StockOut),
        (400, "InsufficientFreeAddressesInSubnet", StockOut),
        (400, "SpotMaxPriceTooLow", StockOut),
        (400, "VcpuLimitExceeded", Quota),
        (400, "MaxSpotInstanceCountExceeded", Quota),
        (503, "RequestLimitExceeded", Passing),
        (500, "InternalError", Passing),
        (503, "Unavailable", Passing),
        (400, "Unsupported", Refused),
        (400, "InvalidAMIID.NotFound", Refused),
        (403, "UnauthorizedOperation", Refused),
    ] {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code>\
             <Message>We say so.</Message></Error></Errors><RequestID>r</RequestID></Response>"
        );
        let answer = answer(status, &body);
        let sorted = Refusal::of(&answer).sorted(&answer);
        assert_eq!(sorted.cause, cause, "{code}");
        assert_eq!(sorted.reason, format!("{code}: We say so."));
    }
    let proxy = answer(502, "<html>bad gateway");
    assert_eq!(Refusal::of(&proxy).sorted(&proxy).cause, Passing);
}

const PAGE_TEXT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>r</requestId>
  <reservationSet>
    <item><reservationId>r-1</reservationId><instancesSet>
      <item><instanceId>i-1</instanceId><instanceState><code>16</code><name>running</name></instanceState>
        <launchTime>2026-11-26T09:00:00.000Z</launchTime>
        <placement><availabilityZone>eu-west-1a</availabilityZone><tenancy>default</tenancy></placement>
        <tagSet><item><key>Name</key><value>m1</value></item><item><key>farmhand-farm</key><value>example</value></item>
          <item><key>delete-at</key><value>4600</value></item></tagSet></item>
    </instancesSet></item>
    <item><reservationId>r-2</reservationId><instancesSet>
      <item><instanceId>i-2</instanceId><instanceState><code>48</code><name>terminated</name></instanceState>
        <launchTime>2026-11-26T09:00:00.000Z</launchTime><placement/></item>
      <item><instanceId>i-3</instanceId><instanceState><code>80</code><name>stopped</name></instanceState>
        <launchTime>2026-11-26T09:00:00.000Z</launchTime>
        <tagSet><item><key>Name</key><value>m3</value></item><item><key>farmhand-farm</key><value/></item></tagSet></item>
    </instancesSet></item>
  </reservationSet>
  <nextToken>more</nextToken>
</DescribeInstancesResponse>"#;

#[test]
fn a_page_of_machines_is_read() {
    let page: Described = answer::read(&answer(200, PAGE_TEXT)).unwrap();
    assert_eq!(page.next().as_deref(), Some("more"));
    let alive: Vec<_> = page.instances().filter(Instance::is_alive).collect();
    let found: Vec<_> = alive
        .iter()
        .filter_map(|one| one.found("example"))
        .collect();
    let [first, second] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(
        (first.name.as_str(), first.place.as_str()),
        ("m1", "eu-west-1a/i-1")
    );
    assert_eq!((first.mark, first.ended), (Mark::Ours, false));
    assert_eq!(first.until.unwrap().as_second(), 4600);
    assert_eq!((second.mark, second.ended), (Mark::Foreign, true));
    let none: Described = answer::read(&answer(200, "<D><reservationSet/></D>")).unwrap();
    assert_eq!((none.next(), none.instances().count()), (None, 0));
}

#[test]
fn filters_are_numbered_and_texts_survive_a_form() {
    let form = filters(&[("Name", "m1"), (FARM, "*")]);
    let text = encoded(&form);
    assert!(
        text.starts_with("Filter%2E1%2EName=tag%3AName&Filter%2E1%2EValue%2E1=m1&"),
        "{text}"
    );
    assert!(text.contains("Filter%2E2%2EName=tag%2Dkey&Filter%2E2%2EValue%2E1=farmhand%2Dfarm&"));
    assert!(text.ends_with("Filter%2E3%2EValue%2E4=stopped"), "{text}");
    let plus = [("a".to_owned(), "b+c/ =ä".to_owned())];
    assert_eq!(encoded(&plus), "a=b%2Bc%2F%20%3D%C3%A4");
}

#[test]
fn a_machine_is_asked_for_once_a_zone_and_a_try() {
    let settings: Ec2Settings = serde_json::from_value(serde_json::json!({
        "region": "r", "subnets": { "r-a": "subnet-1" }, "security_groups": ["sg-1"],
    }))
    .unwrap();
    let farm =
        serde_json::json!({ "farm": "example", "hub": "h:1", "buildlet": "http://b", "pools": {} });
    let boot = Boot::new(&crate::Settings::read(&farm.to_string()).unwrap());
    let form = |make: &Make, zone: &str| -> std::collections::BTreeMap<String, String> {
        let form = run::form(
            make,
            vm(make).unwrap(),
            &settings,
            (zone, "subnet-1"),
            "example",
            &boot,
        );
        form.into_iter().collect()
    };
    let mut order = make("m1");
    let first = form(&order, "r-a");
    let token = &first["ClientToken"];
    assert_eq!(token, &form(&order, "r-a")["ClientToken"]);
    assert_ne!(token, &form(&order, "r-b")["ClientToken"]);
    order.order.attempt = 2;
    order.order.spot = true;
    let second = form(&order, "r-a");
    assert_ne!(token, &second["ClientToken"]);
    assert!(!first.contains_key("InstanceMarketOptions.MarketType"));
    assert_eq!(second["InstanceMarketOptions.MarketType"], "spot");
    assert_eq!(first["SecurityGroupId.1"], "sg-1");
    assert_eq!(first["InstanceInitiatedShutdownBehavior"], "terminate");
    assert_eq!(first["TagSpecification.2.Tag.4.Key"], "delete-at");
}
