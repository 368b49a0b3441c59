"""Checks the templates in a folder.

    cargo test --package footfall-infra --test golden writes_templates_for_the_linter
    python infra/tests/lint_template.py target/tmp/templates

cfn-lint and parliament must find nothing. Every taggable resource must have tags, by CloudFormation's own
schemas. YAML and JSON must mean the same. Needs the packages of requirements.txt, and no network.
"""

import json
import re
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# parliament uses an interface of setuptools that warns of its end.
warnings.filterwarnings("ignore", message="pkg_resources is deprecated")

import cfnlint
import parliament
import yaml

SCHEMAS = Path(cfnlint.__file__).parent / "data/schemas"

# What the stack's references become. The ARN of a log group ends in its streams.
LOG_GROUP = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/footfall-x:*"
PARTS = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "123456789012",
    "Table": "footfall",
    "Salts": "footfall-salts",
}


def schemas(region):
    """The file of each type's schema in a region."""
    return json.loads((SCHEMAS / f"providers/{region}.json").read_text())


def regions():
    return sorted(path.stem for path in (SCHEMAS / "providers").glob("*-*.json"))


def lint(path):
    """What cfn-lint finds, its hints included: in every region that has the types used, for the two
    variants that have everything between them, and in one region for the others."""
    everywhere = path.stem in ("default", "full")
    types = {resource["Type"] for resource in load(path)["Resources"].values()}
    where = [r for r in regions() if types <= schemas(r).keys()] if everywhere else ["us-east-1"]
    program = Path(sys.executable).parent / "cfn-lint"
    options = ["--include-checks", "I", "--format", "parseable", "--regions", *where]
    run = subprocess.run(
        [program, "--template", path, *options], capture_output=True, text=True, check=False
    )
    findings = (run.stdout + run.stderr).splitlines()
    if run.returncode != 0 and not findings:
        findings.append(f"{path.name}: cfn-lint ended with {run.returncode}")
    return findings


def policies(path):
    """What parliament finds in the roles' policies."""
    resources = load(path)["Resources"]

    def resolved(value):
        if isinstance(value, dict):
            if "Fn::GetAtt" in value:
                name, attribute = value["Fn::GetAtt"]
                assert (resources[name]["Type"], attribute) == ("AWS::Logs::LogGroup", "Arn"), name
                return LOG_GROUP
            if "Fn::Sub" in value:
                return re.sub(r"\$\{(.*?)\}", lambda part: PARTS[part[1]], value["Fn::Sub"])
            return {key: resolved(part) for key, part in value.items()}
        if isinstance(value, list):
            return [resolved(part) for part in value]
        return value

    findings = []
    for name, resource in resources.items():
        for policy in resource["Properties"].get("Policies", []):
            text = json.dumps(resolved(policy["PolicyDocument"]))
            analyzed = parliament.analyze_policy_string(text, include_community_auditors=True)
            findings += [f"{path.name}: {name}: {finding}" for finding in analyzed.findings]
    return findings


def tags(path):
    """What could be tagged, and is not."""
    files = schemas("us-east-1")
    findings = []
    for name, resource in load(path)["Resources"].items():
        schema = json.loads((SCHEMAS / f"resources/{files[resource['Type']]}.json").read_text())
        tagging = schema.get("tagging", {})
        if tagging.get("taggable", False):
            place = tagging.get("tagProperty", "/properties/Tags").rsplit("/", 1)[1]
            if "footfall:stack" not in json.dumps(resource["Properties"].get(place, {})):
                findings.append(f"{path.name}: {name} is not tagged in {place}")
    return findings


def same_as_json(path):
    """Whether YAML 1.1, which CloudFormation reads, takes a text for something else."""
    if load(path) == json.loads(path.with_suffix(".json").read_text()):
        return []
    return [f"{path.name} does not mean what {path.stem}.json says"]


def load(path):
    """A template, but that dates stay the text that they are to CloudFormation."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(tag, regexp) for tag, regexp in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return yaml.load(path.read_text(), Loader)


def budget_regions(folder):
    """Whether the regions that can have a budget are still those that the code believes in."""
    public = [region for region in regions() if "iso" not in region and "eusc" not in region]
    known = {region for region in public if "AWS::Budgets::Budget" in schemas(region)}
    believed = set((folder / "budget-regions.txt").read_text().split())
    differing = sorted(known ^ believed)
    return [f"budgets: CloudFormation differs about {', '.join(differing)}"] if differing else []


def main():
    folder = Path(sys.argv[1])
    paths = sorted(folder.glob("*.yaml"))
    findings = budget_regions(folder)
    with ThreadPoolExecutor() as pool:
        for found in pool.map(lint, paths):
            findings += found
    for path in paths:
        findings += policies(path) + tags(path) + same_as_json(path)
    for finding in findings:
        print(finding, file=sys.stderr)
    print(f"{len(paths)} templates, {len(findings)} findings")
    return 1 if findings or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
