# Sourced by the scripts here: where providers come from, and a folder that goes when the script ends ($scratch, unless the
# script has one). TF_PLUGINS is a folder that mirrors providers; without it terraform loads them.

command -v terraform >/dev/null || { echo "skipped: there is no terraform"; exit 0; }
if [ -z "${scratch:-}" ]; then
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
fi
{
    echo 'disable_checkpoint = true'
    [ -z "${TF_PLUGINS:-}" ] || printf 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' "$TF_PLUGINS"
} >"$scratch/terraform.rc"
export TF_CLI_CONFIG_FILE=$scratch/terraform.rc TF_IN_AUTOMATION=1
