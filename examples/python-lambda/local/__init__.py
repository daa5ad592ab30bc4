"""Everything that template.yaml deploys, on this machine: no AWS account, nothing but the loopback."""
