//! A machine, as it is asked for (API reference of `RunInstances`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use farm_model::config::Vm;
use sha2::{Digest, Sha256};

use super::Form;
use crate::boot::Boot;
use crate::make::Make;
use crate::settings::Ec2Settings;
use crate::{DELETE_AT, FARM, HOST};

/// The parameters.
pub(super) fn form(
    make: &Make,
    vm: &Vm,
    settings: &Ec2Settings,
    (zone, subnet): (&str, &str),
    farm: &str,
    boot: &Boot,
) -> Form {
    let script = boot.script(make);
    let token = token(make, zone);
    let mut form = vec![
        ("ImageId", vm.image.as_str()),
        ("InstanceType", &vm.machine),
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("ClientToken", &token),
        ("SubnetId", subnet),
        // Shut down, by itself or at its end, it is gone.
        ("InstanceInitiatedShutdownBehavior", "terminate"),
        // A build that talks others into asking for it does not get what the machine was told.
        ("MetadataOptions.HttpTokens", "required"),
        ("MetadataOptions.HttpPutResponseHopLimit", "1"),
    ];
    if make.order.spot {
        form.push(("InstanceMarketOptions.MarketType", "spot"));
        form.push((
            "InstanceMarketOptions.SpotOptions.SpotInstanceType",
            "one-time",
        ));
        form.push((
            "InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior",
            "terminate",
        ));
    }
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let mut form: Form = form.into_iter().map(owned).collect();
    form.push(("UserData".to_owned(), STANDARD.encode(script)));
    let groups = settings.security_groups.iter().zip(1..);
    form.extend(groups.map(|(group, number)| (format!("SecurityGroupId.{number}"), group.clone())));
    form.extend(tags(make, farm));
    form
}

/// Tags of the machine, and of its disk, which would else be nobody's on the bill.
fn tags(make: &Make, farm: &str) -> Form {
    let tags = [
        ("Name", make.order.machine.as_str().to_owned()),
        (FARM, farm.to_owned()),
        (HOST, make.order.host_type.as_str().to_owned()),
        (DELETE_AT, make.delete_at()),
    ];
    let mut form = Form::new();
    for (kind, number) in ["instance", "volume"].into_iter().zip(1..) {
        let of = format!("TagSpecification.{number}");
        form.push((format!("{of}.ResourceType"), kind.to_owned()));
        for ((name, value), index) in tags.iter().zip(1..) {
            form.push((format!("{of}.Tag.{index}.Key"), (*name).to_owned()));
            form.push((format!("{of}.Tag.{index}.Value"), value.clone()));
        }
    }
    form
}

/// Two calls with the same token are one: each try in each zone has its own. At most 64 characters.
fn token(make: &Make, zone: &str) -> String {
    let of = format!("{} {} {zone}", make.order.machine, make.order.attempt);
    hex::encode(Sha256::digest(of.as_bytes()))
}
