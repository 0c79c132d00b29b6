/**
 * Definitions that meshes and proxies have by default, from their documentation: what users most
 * often start from, and what tests compare with the built-in normalizers.
 */

const REQUEST = '"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%"';
const TRANSFER =
  '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% ' +
  '"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%"';
const REQUEST_ID = '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%"';
const CONNECTION =
  '%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% ' +
  '%REQUESTED_SERVER_NAME% %ROUTE_NAME%';

export const KNOWN = {
  envoy:
    `[%START_TIME%] ${REQUEST} %RESPONSE_CODE% %RESPONSE_FLAGS% ${TRANSFER} ${REQUEST_ID} ` +
    '"%UPSTREAM_HOST%"\n',
  istio:
    `[%START_TIME%] ${REQUEST} %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% ` +
    '%CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" ' +
    `${TRANSFER} ${REQUEST_ID} "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% ${CONNECTION}\n`,
  istioOlder:
    `[%START_TIME%] ${REQUEST} %RESPONSE_CODE% %RESPONSE_FLAGS% ` +
    '"%DYNAMIC_METADATA(istio.mixer:status)%" "%UPSTREAM_TRANSPORT_FAILURE_REASON%" ' +
    `${TRANSFER} ${REQUEST_ID} "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER% ${CONNECTION}\n`,
  istioJson: JSON.stringify({
    start_time: '%START_TIME%',
    route_name: '%ROUTE_NAME%',
    method: '%REQ(:METHOD)%',
    path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
    protocol: '%PROTOCOL%',
    response_code: '%RESPONSE_CODE%',
    response_flags: '%RESPONSE_FLAGS%',
    response_code_details: '%RESPONSE_CODE_DETAILS%',
    connection_termination_details: '%CONNECTION_TERMINATION_DETAILS%',
    bytes_received: '%BYTES_RECEIVED%',
    bytes_sent: '%BYTES_SENT%',
    duration: '%DURATION%',
    upstream_service_time: '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%',
    x_forwarded_for: '%REQ(X-FORWARDED-FOR)%',
    user_agent: '%REQ(USER-AGENT)%',
    request_id: '%REQ(X-REQUEST-ID)%',
    authority: '%REQ(:AUTHORITY)%',
    upstream_host: '%UPSTREAM_HOST%',
    upstream_cluster: '%UPSTREAM_CLUSTER_RAW%',
    upstream_local_address: '%UPSTREAM_LOCAL_ADDRESS%',
    downstream_local_address: '%DOWNSTREAM_LOCAL_ADDRESS%',
    downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
    requested_server_name: '%REQUESTED_SERVER_NAME%',
    upstream_transport_failure_reason: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
  }),
  kumaHttp:
    `[%START_TIME%] %KUMA_MESH% ${REQUEST} %RESPONSE_CODE% %RESPONSE_FLAGS% ${TRANSFER} ` +
    `"%REQ(X-B3-TRACEID?X-DATADOG-TRACEID)%" ${REQUEST_ID} "%KUMA_SOURCE_SERVICE%" ` +
    '"%KUMA_DESTINATION_SERVICE%" "%KUMA_SOURCE_ADDRESS_WITHOUT_PORT%" "%UPSTREAM_HOST%"\n',
  kumaTcp:
    '[%START_TIME%] %RESPONSE_FLAGS% %KUMA_MESH% ' +
    '%KUMA_SOURCE_ADDRESS_WITHOUT_PORT%(%KUMA_SOURCE_SERVICE%)->%UPSTREAM_HOST%' +
    '(%KUMA_DESTINATION_SERVICE%) took %DURATION%ms, sent %BYTES_SENT% bytes, ' +
    'received: %BYTES_RECEIVED% bytes',
  nginxCombined:
    "log_format combined '$remote_addr - $remote_user [$time_local] '\n" +
    '  \'"$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"\';',
  ingressNginx:
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent ' +
    '"$http_referer" "$http_user_agent" $request_length $request_time [$proxy_upstream_name] ' +
    '[$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length ' +
    '$upstream_response_time $upstream_status $req_id',
  haproxyHttp:
    '%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc ' +
    '%sq/%bq %hr %hs %{+Q}r',
  haproxyTcp: '%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq',
  apacheCombined:
    'LogFormat "%h %l %u %t \\"%r\\" %>s %b \\"%{Referer}i\\" \\"%{User-Agent}i\\"" combined',
} as const;
