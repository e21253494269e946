#compdef writ
# zsh completion for writ.
_writ() {
    local -a candidates request
    local line
    request=("${(@)words[1,CURRENT-1]}")
    [[ "${words[CURRENT]}" == -* ]] && request+=("${words[CURRENT]}")
    while IFS= read -r line; do
        candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done < <("${(@)request}" --generate-shell-completion 2>/dev/null)
    if (( ${#candidates} )); then
        _describe 'writ' candidates
    else
        _files
    fi
}
if [ "$funcstack[1]" = "_writ" ]; then
    _writ "$@"
else
    compdef _writ writ
fi
