client "storefront" {
  name     = "Storefront"
  metadata = { team = "commerce" }

  secret "2026-q4" {
    hash       = "sha256:JFAueWDLN49_r7ALRL5patcRDOooCF5K9uULUga_qSM"
    not_before = "2026-10-01T00:00:00Z"
  }
}

client "checkout" {
  name     = "Checkout"
  metadata = { team = "commerce" }

  # Two secrets are live while the new one is rolled out.
  secret "2026-q3" {
    hash       = "sha256:QbdZ2SnTF3ATj9hv72UO0MS2Xrt2OsUkgXCsFyr3O2g"
    expires_at = "2099-01-01T00:00:00Z"
  }
  secret "2026-q4" {
    hash = "sha256:flKQz81DfslsnSjUGaCPaOZosIivMXqkribRanyP160"
  }
}

client "merchandising" {
  name     = "Merchandising tool"
  metadata = { team = "commerce" }

  secret "2026-q4" { hash = "sha256:pnsrgVi83-fn-B4-XX6mP50FeclcImSNahnXZn3fBek" }
}
