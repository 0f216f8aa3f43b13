#!/bin/bash
# Prints tests/access/vectors.json: requests with grants, and the status each must get (200: let in).
# Independent of the gateway's code on purpose: signatures are made by openssl alone, from the words of the protocol.
# Both the gateway and an edge that checks grants itself are tested with it:  make_vectors.sh > vectors.json
set -euo pipefail

NOW=1790000000
ID=0123456789abcdef
CURRENT=7f3a90c2 PREVIOUS=k_old-1 GONE=5d5d5d5d

secret() { printf 'not a secret: %s' "$1" | openssl dgst -sha256 | sed 's/.* //'; }

signature() { # KID EXPIRES ID PREFIX
    printf 'v1\n%s\n%s\n%s\n%s' "$1" "$2" "$3" "$4" | openssl dgst -sha256 -hmac "$(secret "$1")" | sed 's/.* //'
}

token() { # PREFIX [EXPIRES] [KID] [ID]
    local expires=${2:-$((NOW + 300))} kid=${3:-$CURRENT} id=${4:-$ID}
    printf '%s.%s.%s.%s' "$kid" "$expires" "$id" "$(signature "$kid" "$expires" "$id" "$1")"
}

FIRST=1
vector() { # EXPECT NAME RAW_TARGET [more JSON members]
    [ $FIRST = 1 ] || printf ',\n'
    FIRST=0
    printf '  {"name": "%s", "raw_target": "%s", "expect": %s%s}' "$2" "$3" "$1" "${4:+, $4}"
}

authorization() { printf '"headers": {"Authorization": ["%s"]}' "$1"; }
at() { printf '"now": %s' "$1"; }

CAM1=$(token /cam1/) SITE1=$(token /site1/) ALL=$(token /) YARD=$(token /site1/yard/)
IFS=. read -r KID EXPIRES GRANT_ID SIGNATURE <<< "$CAM1"
NBSP=$(printf '\\u00a0')

cat <<EOF
{
"about": "Made by make_vectors.sh. Defaults: method GET, no headers, now $NOW, both live keys. 'append' is repeated at the end of raw_target. 'cameras' are configured, 'disabled' are too but switched off.",
"now": $NOW,
"keys": {
  "$CURRENT": {"secret": "$(secret $CURRENT)", "created": $((NOW - 86400))},
  "$PREVIOUS": {"secret": "$(secret $PREVIOUS)", "created": $((NOW - 30 * 86400))},
  "$GONE": {"secret": "$(secret $GONE)", "created": $((NOW - 60 * 86400))}
},
"live": ["$CURRENT", "$PREVIOUS"],
"cameras": ["cam1", "cam10", "cam1-b", "site1/yard", "site1/gate", "site10/yard", "a/b/c/d/e/f/g/h"],
"disabled": ["cam-off"],
"vectors": [
EOF

# What is let in, in every carrier and for every kind of path.
vector 200 "camera page, grant in the path" "/g/$CAM1/cam1/"
vector 200 "playlist, grant in the path" "/g/$CAM1/cam1/index.m3u8"
vector 200 "what a playlist refers to" "/g/$CAM1/cam1/_hls/v/part12.m4s"
vector 200 "blocking playlist keeps its directives" "/g/$CAM1/cam1/_hls/v/index.m3u8?_HLS_msn=12&_HLS_part=3"
vector 200 "snapshot" "/g/$CAM1/cam1/snapshot.jpg?width=320"
vector 200 "WHEP offer" "/g/$CAM1/cam1/whep" '"method": "POST"'
vector 200 "WHEP session" "/g/$CAM1/cam1/whep/AbC-123_x" '"method": "PATCH"'
vector 200 "WebSocket names its camera in the query" "/g/$CAM1/api/ws?src=cam1"
vector 200 "camera of a site in the query, its slash encoded as queries may" "/g/$SITE1/api/ws?src=site1%2Fyard"
vector 200 "camera of a site in the query, its slash as it is" "/g/$SITE1/api/ws?src=site1/yard"
vector 200 "the page itself, no camera yet" "/g/$CAM1/"
vector 200 "the list of cameras" "/g/$SITE1/api/cameras"
vector 200 "one camera's state" "/g/$SITE1/api/cameras/site1/yard"
vector 200 "negotiation" "/g/$SITE1/api/cameras/site1/yard/negotiate" '"method": "POST"'
vector 200 "modules need nothing" "/static/app.js"
vector 200 "modules below a grant" "/g/$CAM1/static/app.js"
vector 200 "grant in the query" "/cam1/index.m3u8?grant=$CAM1"
vector 200 "query sorted by a proxy, grant first" "/cam1/snapshot.jpg?grant=$CAM1&width=320"
vector 200 "query sorted by a proxy, grant last" "/cam1/index.m3u8?_HLS_msn=1&cookieCheck=1&grant=$CAM1"
vector 200 "grant as Bearer" "/cam1/whep" "\"method\": \"POST\", $(authorization "Bearer $CAM1")"
vector 200 "scheme in another case" "/cam1/whep" "\"method\": \"POST\", $(authorization "bearer $CAM1")"
vector 200 "camera's own grant" "/g/$YARD/site1/yard/"
vector 200 "site's grant" "/g/$SITE1/site1/gate/index.m3u8"
vector 200 "everything's grant" "/g/$ALL/site10/yard/index.m3u8"
vector 200 "longest name, its own grant" "/g/$(token /a/b/c/d/e/f/g/h/)/a/b/c/d/e/f/g/h/"
vector 200 "longest name, a site in the middle" "/g/$(token /a/b/c/d/)/a/b/c/d/e/f/g/h/"
vector 200 "previous key still verifies" "/g/$(token /cam1/ "" $PREVIOUS)/cam1/"
vector 200 "the only key" "/g/$CAM1/cam1/" "\"live\": [\"$CURRENT\"]"
vector 200 "longest time" "/g/$(token /cam1/ $((NOW + 3600)))/cam1/"
vector 200 "another id" "/g/$(token /cam1/ "" "" ffffffffffffffff)/cam1/"

# Which carrier decides: the first that is present.
vector 200 "path before Authorization" "/g/$CAM1/cam1/" "$(authorization "Bearer broken")"
vector 401 "a damaged grant in the path is not saved by a good Authorization" "/g/broken/cam1/" "$(authorization "Bearer $CAM1")"
vector 200 "Authorization before query" "/cam1/?grant=broken" "$(authorization "Bearer $CAM1")"
vector 401 "a damaged Authorization is not saved by a good query" "/cam1/?grant=$CAM1" "$(authorization "Bearer x.y.z.w")"
vector 401 "a scheme nobody knows" "/cam1/?grant=$CAM1" "$(authorization "Digest $CAM1")"
vector 401 "two Authorization headers" "/cam1/" "\"headers\": {\"Authorization\": [\"Bearer $CAM1\", \"Bearer $CAM1\"]}"
vector 403 "path's grant for another camera is not saved by the query" "/g/$CAM1/cam10/?grant=$ALL"

# Missing, malformed, tampered.
vector 401 "nothing at all" "/cam1/index.m3u8"
vector 401 "nothing, no such camera" "/nosuch/index.m3u8"
vector 401 "nothing, the list of cameras" "/api/cameras"
vector 401 "nothing, the grid" "/"
vector 401 "nothing, metrics" "/metrics"
vector 401 "empty grant in the query" "/cam1/index.m3u8?grant="
vector 401 "grant without a value" "/cam1/index.m3u8?grant"
vector 401 "empty grant in the path" "/g/" ""
vector 401 "empty Authorization" "/cam1/" "$(authorization "")"
vector 401 "Bearer without a token" "/cam1/" "$(authorization "Bearer ")"
vector 401 "three parts" "/g/$KID.$EXPIRES.$SIGNATURE/cam1/"
vector 401 "five parts" "/g/$CAM1.00/cam1/"
vector 401 "expiry missing" "/g/$KID..$GRANT_ID.$SIGNATURE/cam1/"
vector 401 "id missing" "/g/$KID.$EXPIRES..$SIGNATURE/cam1/"
vector 401 "signature missing" "/g/$KID.$EXPIRES.$GRANT_ID./cam1/"
vector 401 "key id missing" "/g/.$EXPIRES.$GRANT_ID.$SIGNATURE/cam1/"
vector 401 "id and expiry exchanged" "/g/$KID.$GRANT_ID.$EXPIRES.$SIGNATURE/cam1/"
vector 401 "signature first" "/g/$SIGNATURE.$KID.$EXPIRES.$GRANT_ID/cam1/"
vector 401 "expiry doubled" "/g/$KID.$EXPIRES.$EXPIRES.$GRANT_ID.$SIGNATURE/cam1/"
vector 401 "signature in capitals" "/g/$KID.$EXPIRES.$GRANT_ID.${SIGNATURE^^}/cam1/"
vector 401 "id in capitals" "/g/$KID.$EXPIRES.${GRANT_ID^^}.$SIGNATURE/cam1/"
vector 401 "signature cut by one" "/g/${CAM1%?}/cam1/"
vector 401 "signature longer by one" "/g/${CAM1}0/cam1/"
vector 401 "last digit changed" "/g/${CAM1%?}$([ "${CAM1: -1}" = 0 ] && echo 1 || echo 0)/cam1/"
vector 401 "first digit changed" "/g/$KID.$EXPIRES.$GRANT_ID.$([ "${SIGNATURE:0:1}" = 0 ] && echo 1 || echo 0)${SIGNATURE:1}/cam1/"
vector 401 "signature of zeros" "/g/$KID.$EXPIRES.$GRANT_ID.$(printf '0%.0s' {1..64})/cam1/"
vector 401 "expiry raised by a second" "/g/$KID.$((EXPIRES + 1)).$GRANT_ID.$SIGNATURE/cam1/"
vector 401 "another id than signed" "/g/$KID.$EXPIRES.fedcba9876543210.$SIGNATURE/cam1/"
vector 401 "key id exchanged for the other live one" "/g/$PREVIOUS.$EXPIRES.$GRANT_ID.$SIGNATURE/cam1/"
vector 401 "expiry with a leading zero" "/g/$KID.0$EXPIRES.$GRANT_ID.$(signature $KID 0$EXPIRES $GRANT_ID /cam1/)/cam1/"
vector 401 "expiry with a sign" "/g/$KID.-$EXPIRES.$GRANT_ID.$(signature $KID -$EXPIRES $GRANT_ID /cam1/)/cam1/"
vector 401 "expiry with a fraction" "/g/$KID.$EXPIRES.5.$GRANT_ID.$SIGNATURE/cam1/"
vector 401 "expiry in hex" "/g/$(token /cam1/ 0x6ab14dac)/cam1/"
vector 401 "expiry too large for a number" "/g/$(token /cam1/ 99999999999999999999)/cam1/"
vector 401 "expiry in other digits" "/cam1/" "$(authorization "Bearer $KID.\\u0661\\u0667.$GRANT_ID.$SIGNATURE")"
vector 401 "key id too long" "/g/$(printf 'k%.0s' {1..33}).$EXPIRES.$GRANT_ID.$SIGNATURE/cam1/"
vector 401 "signed for a prefix without slashes" "/g/$(token cam1)/cam1/"
vector 401 "signed for a prefix without its last slash" "/g/$(token /cam1)/cam1/"
vector 401 "signed for part of a word" "/g/$(token /ca)/cam1/"
vector 401 "signed for nothing" "/g/$(token '')/cam1/"
vector 401 "signed without the version" "/g/$KID.$EXPIRES.$GRANT_ID.$(printf '%s\n%s\n%s\n/cam1/' $KID $EXPIRES $GRANT_ID | openssl dgst -sha256 -hmac "$(secret $KID)" | sed 's/.* //')/cam1/"
vector 401 "signed by SHA-1" "/g/$KID.$EXPIRES.$GRANT_ID.$(printf 'v1\n%s\n%s\n%s\n/cam1/' $KID $EXPIRES $GRANT_ID | openssl dgst -sha1 -hmac "$(secret $KID)" | sed 's/.* //')/cam1/"
vector 401 "hashed without a key" "/g/$KID.$EXPIRES.$GRANT_ID.$(printf 'v1\n%s\n%s\n%s\n/cam1/' $KID $EXPIRES $GRANT_ID | openssl dgst -sha256 | sed 's/.* //')/cam1/"

# Doubled and re-encoded parameters.
vector 401 "grant doubled, both good" "/cam1/index.m3u8?grant=$CAM1&grant=$CAM1"
vector 401 "grant doubled, the second empty" "/cam1/index.m3u8?grant=$CAM1&grant="
vector 401 "grant doubled, the first broken" "/cam1/index.m3u8?grant=broken&x=1&grant=$CAM1"
vector 401 "grant doubled, the second name encoded" "/cam1/index.m3u8?grant=$CAM1&%67rant=$CAM1"
vector 401 "name encoded" "/cam1/index.m3u8?%67rant=$CAM1"
vector 401 "dots encoded" "/cam1/index.m3u8?grant=${CAM1//./%2E}"
vector 401 "one digit encoded" "/cam1/index.m3u8?grant=%$(printf '%s' "${CAM1:0:1}" | od -An -tx1 | tr -d ' \n')${CAM1:1}"
vector 401 "dots encoded twice" "/cam1/index.m3u8?grant=${CAM1//./%252E}"
vector 401 "white space after it" "/cam1/index.m3u8?grant=$CAM1%20"
vector 401 "plus before it" "/cam1/index.m3u8?grant=+$CAM1"
vector 401 "a line end after it" "/cam1/index.m3u8?grant=$CAM1%0A"
vector 401 "a second value after a semicolon" "/cam1/index.m3u8?grant=$CAM1;grant=$CAM1"
vector 401 "in quotes" "/cam1/index.m3u8?grant=%22$CAM1%22"
vector 401 "an array" "/cam1/index.m3u8?grant[]=$CAM1"
vector 401 "another case of the name" "/cam1/index.m3u8?Grant=$CAM1"
vector 401 "another name" "/cam1/index.m3u8?token=$CAM1"
vector 400 "camera doubled" "/g/$CAM1/api/ws?src=cam1&src=cam1"
vector 400 "camera doubled, another one second" "/g/$CAM1/api/ws?src=cam1&src=cam10"
vector 400 "camera doubled, the second name encoded" "/g/$CAM1/api/ws?src=cam1&s%72c=cam10"
vector 400 "no camera" "/g/$CAM1/api/ws"
vector 400 "empty camera" "/g/$CAM1/api/ws?src="
vector 400 "camera encoded twice" "/g/$SITE1/api/ws?src=site1%252Fyard"
vector 400 "camera with dot segments" "/g/$CAM1/api/ws?src=cam1/../cam10"
vector 400 "camera with encoded dot segments" "/g/$CAM1/api/ws?src=cam1%2F%2E%2E%2Fcam10"
vector 400 "camera with a doubled slash" "/g/$CAM1/api/ws?src=cam1//x"
vector 400 "camera with a slash before" "/g/$CAM1/api/ws?src=/cam1"
vector 400 "camera with NUL" "/g/$CAM1/api/ws?src=cam1%00"

# What a grant covers.
vector 403 "cam1 is not cam10" "/g/$CAM1/cam10/"
vector 403 "cam1 is not cam1-b" "/g/$CAM1/cam1-b/index.m3u8"
vector 403 "cam10 is not cam1" "/g/$(token /cam10/)/cam1/"
vector 403 "site1 is not site10" "/g/$SITE1/site10/yard/"
vector 403 "a camera's grant is not its neighbour's" "/g/$YARD/site1/gate/"
vector 403 "a camera's grant is not its site's" "/g/$YARD/site1/"
vector 403 "no such camera, not covered: the same answer" "/g/$CAM1/nosuch/"
vector 403 "no such camera beside a covered one: the same answer" "/g/$YARD/site1/nosuch/"
vector 403 "disabled and not covered: the same answer" "/g/$CAM1/cam-off/"
vector 404 "no such camera, covered by everything" "/g/$ALL/nosuch/"
vector 404 "no such camera, covered by its site" "/g/$SITE1/site1/nosuch/index.m3u8"
vector 404 "a site is no camera" "/g/$SITE1/site1/index.m3u8"
vector 404 "disabled, covered" "/g/$ALL/cam-off/index.m3u8"
vector 404 "disabled, its own grant" "/g/$(token /cam-off/)/cam-off/index.m3u8"
vector 404 "more parts than a name has" "/g/$(token /a/b/c/d/e/f/g/h/)/a/b/c/d/e/f/g/h/i/"
vector 401 "signed for more parts than a name has" "/g/$(token /a/b/c/d/e/f/g/h/i/)/a/b/c/d/e/f/g/h/i/"
vector 403 "another camera by the WebSocket" "/g/$CAM1/api/ws?src=cam10"
vector 403 "another camera by its state" "/g/$CAM1/api/cameras/cam10"
vector 403 "another camera by the query" "/cam10/index.m3u8?grant=$CAM1"
vector 403 "another camera as Bearer" "/cam10/whep" "\"method\": \"POST\", $(authorization "Bearer $CAM1")"
vector 403 "a grant makes no grants" "/g/$CAM1/api/cameras/cam1/sign" '"method": "POST"'
vector 403 "a grant changes nothing" "/g/$ALL/api/cameras/cam1" '"method": "DELETE"'
vector 403 "a grant sees no metrics" "/g/$ALL/metrics"
vector 403 "a grant sees no sessions" "/g/$ALL/api/sessions"

# Time.
vector 200 "expired 30 s ago: clocks differ" "/g/$(token /cam1/ $((NOW - 30)))/cam1/"
vector 401 "expired 31 s ago" "/g/$(token /cam1/ $((NOW - 31)))/cam1/"
vector 401 "expired by a fraction more than clocks differ" "/g/$CAM1/cam1/" "$(at $((EXPIRES + 30)).5)"
vector 401 "expired long ago" "/g/$(token /cam1/ 1)/cam1/"
vector 401 "expired, another camera" "/g/$(token /cam1/ $((NOW - 31)))/cam10/"
vector 200 "signed by a clock 30 s ahead" "/g/$(token /cam1/ $((NOW + 3630)))/cam1/"
vector 401 "good for longer than an hour" "/g/$(token /cam1/ $((NOW + 3631)))/cam1/"
vector 401 "good for a year" "/g/$(token /cam1/ $((NOW + 31536000)))/cam1/"
vector 401 "in milliseconds" "/g/$(token /cam1/ $((NOW + 300))000)/cam1/"

# Keys.
vector 401 "rotated-out key" "/g/$(token /cam1/ "" $GONE)/cam1/"
vector 401 "rotated-out key, another camera" "/g/$(token /cam1/ "" $GONE)/cam10/"
vector 401 "rotated out since" "/g/$(token /cam1/ "" $PREVIOUS)/cam1/" "\"live\": [\"$CURRENT\"]"
vector 401 "key nobody has" "/g/nobody.$EXPIRES.$GRANT_ID.$(signature $CURRENT "$EXPIRES" $GRANT_ID /cam1/)/cam1/"
vector 401 "a third key in the file is not live" "/g/$(token /cam1/ "" $GONE)/cam1/" "\"live\": [\"$CURRENT\", \"$PREVIOUS\", \"$GONE\"]"
vector 401 "key id in another case" "/g/${CURRENT^^}.$EXPIRES.$GRANT_ID.$(signature "$CURRENT" "$EXPIRES" $GRANT_ID /cam1/)/cam1/"

# Paths that two programs could read differently.
vector 400 "parent segment" "/g/$CAM1/cam1/../cam10/index.m3u8"
vector 400 "parent segment at the end" "/g/$CAM1/cam1/.."
vector 400 "parent segment before the grant" "/x/../g/$CAM1/cam1/"
vector 400 "this segment" "/g/$CAM1/./cam1/"
vector 400 "three dots" "/g/$CAM1/cam1/.../"
vector 400 "parent segment, dots encoded" "/g/$CAM1/cam1/%2e%2e/cam10/index.m3u8"
vector 400 "parent segment, one dot encoded" "/g/$CAM1/cam1/.%2E/cam10/index.m3u8"
vector 400 "encoded slash" "/g/$SITE1/site1%2Fyard/"
vector 400 "encoded slash, small letters" "/g/$SITE1/site1%2fyard/"
vector 400 "encoded twice" "/g/$CAM1/cam1/%252e%252e/cam10/index.m3u8"
vector 400 "encoded slash, encoded twice" "/g/$SITE1/site1%252Fyard/"
vector 400 "encoded letter" "/g/$CAM1/c%61m1/"
vector 400 "encoded grant" "/g/${CAM1//./%2E}/cam1/"
vector 400 "doubled slash" "/g/$CAM1//cam1/"
vector 400 "doubled slash inside" "/g/$SITE1/site1//yard/"
vector 400 "doubled slash first" "//g/$CAM1/cam1/"
vector 400 "backslash" "/g/$CAM1/cam1/..\\\\cam10/index.m3u8"
vector 400 "encoded backslash" "/g/$CAM1/cam1/..%5Ccam10/"
vector 400 "NUL" "/g/$CAM1/cam1/index.m3u8%00.jpg"
vector 400 "path parameter" "/g/$CAM1/cam1;x=1/index.m3u8"
vector 400 "overlong UTF-8 for a dot" "/g/$CAM1/cam1/%c0%ae%c0%ae/"
vector 400 "a letter outside ASCII" "/g/$CAM1/c\\u00e4m1/"
vector 400 "a space that is none" "/g/$CAM1/cam1${NBSP}/"
vector 400 "a line end" "/g/$CAM1/cam1/\\r\\nX: y"
vector 400 "whole address" "http://gateway.example.org/g/$CAM1/cam1/"
vector 400 "no slash" "cam1/index.m3u8"
vector 400 "nothing" ""
vector 400 "asterisk" "*"
vector 400 "fragment" "/g/$CAM1/cam1/index.m3u8#x"
vector 400 "fragment in the query" "/cam1/index.m3u8?x=1#&grant=$CAM1"
vector 400 "control character in the query" "/cam1/index.m3u8?grant=$CAM1&x=\\u0001"
vector 404 "a grant below a grant" "/g/$ALL/g/$ALL/cam1/" '"note": "the second is no grant but a place where nothing is: closed, and unknown to all"'
vector 401 "a reserved word is no camera" "/whep"
vector 414 "path of 3000 letters" "/g/$CAM1/cam1/" '"append": {"text": "a", "times": 3000}'
vector 414 "query of a megabyte" "/cam1/index.m3u8?grant=$CAM1&x=" '"append": {"text": "a", "times": 1048576}'
vector 414 "a megabyte of grants" "/cam1/index.m3u8?" "\"append\": {\"text\": \"grant=$CAM1&\", \"times\": 8000}"
vector 414 "a megabyte of ampersands" "/cam1/index.m3u8?grant=$CAM1" '"append": {"text": "&", "times": 1048576}'
printf '\n]\n}\n'
