# fish completion for writ.
function __writ_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    if string match -q -- '-*' $current
        set words $words $current
    end
    $words[1] $words[2..-1] --generate-shell-completion 2>/dev/null
end
complete -c writ -e
complete -c writ -a '(__writ_complete)'
