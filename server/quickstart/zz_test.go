package quickstart
import ("testing";"os";"path/filepath";"github.com/writ-auth/writ/schema")
func TestZZ(t *testing.T){
 for _, x := range Targets(){ for _,p:=range x.Profiles { for _,a := range x.Algs {
  for k, id := range map[string]string{"plain":"https://api.example.com/orders","odd":"urn:odd:${HOME}{{.}}<%=1%>$a`b`"} {
  f,err:=x.Files(API{Issuer:"https://auth.example.com/",Label:"orders",Name:"Orders",Identifier:id,Profile:p,Alg:a,Scopes:[]string{"read:orders"}})
  if err!=nil{t.Log(err);continue}
  d:=filepath.Join("/tmp/quickq/show",x.Name+"-"+string(p)+"-"+string(a)+"-"+k); os.MkdirAll(d,0o755)
  for _,g:=range f{os.MkdirAll(filepath.Dir(filepath.Join(d,g.Name)),0o755);os.WriteFile(filepath.Join(d,g.Name),[]byte(g.Content),0o644)}
 }}}}
}
var _ = schema.RS256
