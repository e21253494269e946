# bash completion for writ. Works with bash 3.2 and later, with or without bash-completion.
_writ() {
    local cur="${COMP_WORDS[COMP_CWORD]}" line
    local words=("${COMP_WORDS[@]:0:COMP_CWORD}")
    case "$cur" in
        -*) words+=("$cur") ;;
    esac
    COMPREPLY=()
    while IFS= read -r line; do
        line="${line%%$'\t'*}"
        case "$line" in
            "$cur"*) COMPREPLY+=("$line") ;;
        esac
    done < <("${words[@]}" --generate-shell-completion 2>/dev/null)
}
complete -o bashdefault -o default -F _writ writ
