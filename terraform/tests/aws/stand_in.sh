# Sourced by terraform/test-aws: the stand-in, and Terraform against it. From scripts/lib: $dir, start, port, until_ok.

export PYTHONDONTWRITEBYTECODE=1
root=$PWD/terraform/tests/aws
state=$dir/terraform.tfstate

die() { echo "FAILED: $*" >&2; exit 1; }
tf() { (cd "$root" && TF_DATA_DIR=$dir/terraform terraform "$@"); }
ask() { "$python" "$root/ask.py" "$@"; }
# output FILTER: of what the farm's module says.
output() { jq -er ".outputs.farm.value$1" "$state"; }

# load_ministack: $ministack, and $python, which has its modules.
load_ministack() {
    ministack=${FARM_MINISTACK:-$(command -v ministack || true)}
    if [ -z "$ministack" ]; then
        python3 -m venv "$dir/venv"
        "$dir/venv/bin/python" -m pip install --quiet --disable-pip-version-check ministack==1.5.33 2>"$dir/pip.log" ||
            { echo "skipped: pip cannot load ministack: $(tail -n 1 "$dir/pip.log")"; exit 0; }
        ministack=$dir/venv/bin/ministack
    fi
    python=$(sed -n '1s/^#!//p' "$ministack")
}

start_stand_in() {
    load_ministack
    tf init -no-color -input=false >"$dir/init.log" 2>&1 || without_provider
    local at
    at=$(port)
    export AWS_ENDPOINT_URL=http://127.0.0.1:$at AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1
    unset AWS_SESSION_TOKEN AWS_PROFILE http_proxy HTTP_PROXY
    # AUTH holds everybody to their rights: functions, coordinator and hub act in the roles that Terraform gave them.
    start stand-in env AUTH=true GATEWAY_PORT="$at" BIND_HOST=127.0.0.1 TMPDIR="$dir" "$ministack"
    until_ok curl -sf "$AWS_ENDPOINT_URL/_ministack/health"
}

# Why it could not be made ready: this machine can load no provider, or it is wrong.
without_provider() {
    grep -q 'Failed to query available provider packages' "$dir/init.log" || die "terraform init"
    echo "skipped: the provider cannot be loaded here, and TF_PLUGINS names no folder that has it"
    exit 0
}

# changed COMMAND FLAG…: what Terraform says at its end, or what went wrong.
changed() {
    tf "$@" -no-color -input=false -auto-approve "${given[@]}" >"$dir/$1.log" 2>&1 ||
        { grep -A8 'Error:' "$dir/$1.log" >&2; die "terraform $1"; }
    grep 'complete!' "$dir/$1.log"
}

apply() {
    given=(-state="$state" -var package="$package" -var hook="$hook")
    changed apply
}

# The stand-in forgets most of an alarm, the role of an integration and what a rule says of itself: README.md says so. Nothing
# else may differ.
no_drift() {
    tf plan -no-color -input=false "${given[@]}" -out "$dir/plan" >"$dir/plan.log" 2>&1 ||
        { tail -n 30 "$dir/plan.log" >&2; die "plan"; }
    local drift
    drift=$(tf show -json "$dir/plan" | jq -r '
        def differing: . as $c | [(.after | keys[]) | select($c.before[.] != $c.after[.])];
        .resource_changes[] | select(.change.actions != ["no-op"] and .change.actions != ["read"])
        | select(.type != "aws_cloudwatch_metric_alarm")
        | select((.type == "aws_apigatewayv2_integration" and (.change | differing) == ["credentials_arn"]) | not)
        | select((.type == "aws_vpc_security_group_egress_rule" and (.change | differing) == ["description"]) | not)
        | "\(.address): \(.change.actions | join(", ")) \(.change | differing | join(", "))"')
    [ -z "$drift" ] || die "a second plan would change: $drift"
    echo "a second plan changes nothing"
}

destroy() {
    changed destroy
    local left
    left=$(ask left)
    [ "$left" = '{}' ] || die "left behind: $left"
    echo "nothing is left"
}
