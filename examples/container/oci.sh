#!/bin/sh
# Makes a container image of a static writd without a container engine: an OCI
# image layout in a tar archive, the same bytes for the same input.
#
#   CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o writd ./cmd/writd
#   examples/container/oci.sh writd amd64 writd-image.tar
#   skopeo copy oci-archive:writd-image.tar docker://registry.example.com/writd:latest
#
# A fourth argument is the bundle of CA certificates to put in, for fetching the
# keys of trusted issuers; without it the image holds nothing but writd.
#
# Beside the image, as writd-image.tar.cdx.json, stands its bill of materials (CycloneDX
# 1.6): the modules that Go has linked into the program, which "go version -m" reads from it.
set -eu
[ $# -ge 3 ] || { echo "usage: oci.sh WRITD ARCHITECTURE IMAGE.tar [CA-BUNDLE]" >&2; exit 64; }
program=$1 arch=$2 image=$3 bundle=${4:-}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root blobs=$work/image/blobs/sha256
mkdir -p "$root" "$blobs"

archive() { tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=ustar -C "$1" -cf - .; }
digest() { sha256sum "$1" | cut -d' ' -f1; }
size() { wc -c <"$1" | tr -d ' '; }
# blob FILE moves a file to where its content says.
blob() { d=$(digest "$1"); mv "$1" "$blobs/$d"; echo "$d"; }

install -m 0755 "$program" "$root/writd"
if [ -n "$bundle" ]; then
  install -d -m 0755 "$root/etc/ssl/certs"
  install -m 0644 "$bundle" "$root/etc/ssl/certs/ca-certificates.crt"
fi
chmod 0755 "$root"
archive "$root" >"$work/layer.tar"
diff_id=$(digest "$work/layer.tar")
gzip -n -9 "$work/layer.tar"
layer=$(blob "$work/layer.tar.gz")

cat >"$work/config" <<JSON
{"architecture":"$arch","os":"linux","config":{"User":"65532:65532","ExposedPorts":{"8080/tcp":{},"8081/tcp":{}},"Entrypoint":["/writd"]},"rootfs":{"type":"layers","diff_ids":["sha256:$diff_id"]}}
JSON
config=$(blob "$work/config")
cat >"$work/manifest" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:$config","size":$(size "$blobs/$config")},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:$layer","size":$(size "$blobs/$layer")}]}
JSON
manifest=$(blob "$work/manifest")
cat >"$work/image/index.json" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:$manifest","size":$(size "$blobs/$manifest"),"platform":{"architecture":"$arch","os":"linux"}}]}
JSON
printf '{"imageLayoutVersion":"1.0.0"}\n' >"$work/image/oci-layout"
archive "$work/image" >"$image"
echo "sha256:$manifest"

# What "go version -m" reads from the program, as JSON; "=>" lines are replacements.
go version -m "$program" | awk -v image="sha256:$manifest" -v program="$(digest "$program")" '
  function component(type, path, version, more) {
    return sprintf("{\"type\":\"%s\",\"bom-ref\":\"%s\",\"name\":\"%s\",\"version\":\"%s\"%s}", type, purl(path, version), path, version, more)
  }
  function purl(path, version) { gsub(/\+/, "%2B", version); return "pkg:golang/" path "@" version }
  NR == 1 { go = substr($NF, 3) }
  $1 == "mod" { path = $2; version = $3 }
  $1 == "dep" { deps[++n] = $2; versions[n] = $3 }
  $1 == "=>" { deps[n] = $2; versions[n] = $3 }
  END {
    printf "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"version\":1,\"metadata\":{\"component\":%s},\"components\":[",
      component("application", path, version, ",\"hashes\":[{\"alg\":\"SHA-256\",\"content\":\"" program "\"}],\"properties\":[{\"name\":\"writ:image\",\"value\":\"" image "\"}]")
    printf "%s", component("library", "std", "go" go, "")
    for (i = 1; i <= n; i++) printf ",%s", component("library", deps[i], versions[i], ",\"purl\":\"" purl(deps[i], versions[i]) "\"")
    print "]}"
  }' >"$image.cdx.json"
