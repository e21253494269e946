# fish completion for writ.
function __writ_offers
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    if string match -q -- '-*' $current
        set words $words $current
    end
    set -g __writ_candidates ($words[1] $words[2..-1] --generate-shell-completion 2>/dev/null)
    test (count $__writ_candidates) -gt 0
end
complete -c writ -e
# Without candidates fish offers files.
complete -c writ -n __writ_offers -f -a '$__writ_candidates'
