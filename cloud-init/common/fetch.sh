# Shared: `fetch ADDRESS SHA256 FILE` downloads a file. It gets its name only once its checksum is the expected one.
fetch() {
  local address=$1 wanted=$2 file=$3 part="$3.part" found start
  rm -f "$part"
  if ! curl -fsSL --proto '=http,https' --connect-timeout 30 --speed-limit 1000 --speed-time 60 --retry 3 \
    --globoff -o "$part" --url "$address"; then
    rm -f "$part"
    echo "fetch: cannot download $address; is the address right, and can this instance reach it?" >&2
    return 1
  fi
  found=$(sha256sum <"$part")
  found=${found%% *}
  if [ "$found" != "$wanted" ]; then
    start=$(head -c 512 "$part" | tr -d '\0[:space:]' | tr '[:upper:]' '[:lower:]')
    rm -f "$part"
    case $start in
      '<!doctypehtml'* | '<html'*) echo "fetch: $address is a web page, not a file to install; give the file's own address" >&2 ;;
      *) echo "fetch: $address is not the expected file: SHA-256 $found, expected $wanted; it was altered or is another version" >&2 ;;
    esac
    return 1
  fi
  mv -f "$part" "$file"
}
