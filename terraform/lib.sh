# Sourced by the scripts here: where providers come from, and a folder that goes when the script ends. TF_PLUGINS is a folder
# that mirrors providers; without it terraform loads them.

command -v terraform >/dev/null || { echo "skipped: there is no terraform"; exit 0; }
scratch=$(mktemp -d)
at_end() { rm -rf "$scratch"; }
trap at_end EXIT
{
    echo 'disable_checkpoint = true'
    [ -z "${TF_PLUGINS:-}" ] || printf 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' "$TF_PLUGINS"
} >"$scratch/terraform.rc"
export TF_CLI_CONFIG_FILE=$scratch/terraform.rc TF_IN_AUTOMATION=1
