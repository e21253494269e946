# bash completion for writ. Works with bash 3.2 and later, with or without bash-completion.
_writ() {
    local line="${COMP_LINE:0:COMP_POINT}" cur="" breaks="" before="" word i
    local words=()
    # Bash also splits words at ":" and "=": those that no space separates are one.
    for ((i = 0; i < COMP_CWORD; i++)); do
        word="${COMP_WORDS[i]}"
        case "$line" in
            [[:space:]]*) line="${line#"${line%%[![:space:]]*}"}" words+=("$word") ;;
            *) ((i)) && words[${#words[@]} - 1]+="$word" || words+=("$word") ;;
        esac
        line="${line#"$word"}"
    done
    case "$line" in
        [[:space:]]*) cur="${line#"${line%%[![:space:]]*}"}" ;;
        *) cur="${words[${#words[@]} - 1]}$line" && unset "words[${#words[@]} - 1]" ;;
    esac
    case "$cur" in
        -*) words+=("$cur") ;;
    esac
    # What stands before the last of these stays on the line.
    case "$COMP_WORDBREAKS" in *:*) breaks=":" ;; esac
    case "$COMP_WORDBREAKS" in *=*) breaks="$breaks=" ;; esac
    [ -n "$breaks" ] && before="${cur%"${cur##*[$breaks]}"}"
    COMPREPLY=()
    while IFS= read -r line; do
        line="${line%%$'\t'*}"
        case "$line" in
            "$cur"*)
                printf -v word %q "${line#"$before"}"
                COMPREPLY+=("$word")
                ;;
        esac
    done < <("${words[@]}" --generate-shell-completion 2>/dev/null)
}
complete -o bashdefault -o default -F _writ writ
