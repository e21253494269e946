package location

import "time"

// SetSettle shortens how long Put waits for others who read a registry's tag before.
func SetSettle(l Location, d time.Duration) { l.(*registryLocation).settle = d }
