{
  description = "Kubernaut: Kubernetes remediation that keeps going while the things it depends on fail";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      forEachSystem = build: nixpkgs.lib.genAttrs systems (system: build nixpkgs.legacyPackages.${system});
    in
    {
      # There is no packages.default: nixpkgs' npm builders want a registry's address for each package in the lock file, and
      # ours names none. The npm package is built by `npm run build`.
      #
      # `nix develop`, then scripts/start and scripts/test as anywhere else: they use the Node of this shell.
      devShells = forEachSystem (pkgs: {
        default = pkgs.mkShell {
          packages = [
            pkgs.nodejs_24
            # scripts/control-plane builds a real Kubernetes control plane from Go modules.
            pkgs.go
            # To look into data/kubernaut.db.
            pkgs.sqlite
            # A real Alertmanager for the integration tests, and kubectl for what they leave to be looked at.
            pkgs.prometheus-alertmanager
            pkgs.kubectl
            pkgs.shellcheck
          ];
        };
      });
    };
}
