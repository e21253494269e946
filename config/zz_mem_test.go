package config
import ("os";"runtime";"runtime/pprof";"testing")
func TestZZMem(t *testing.T){ runtime.MemProfileRate=4096
 r,_:=os.OpenRoot("/tmp/gen10000"); c,d:=Load(r,Options{}); runtime.GC(); f,_:=os.Create("/tmp/mp/heap.prof"); pprof.WriteHeapProfile(f); f.Close(); var m runtime.MemStats; runtime.ReadMemStats(&m); t.Log(len(c.APIs),len(d),m.HeapAlloc>>20, m.TotalAlloc>>20); runtime.KeepAlive(c)}
