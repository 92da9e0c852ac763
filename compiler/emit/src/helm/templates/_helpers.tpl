{{- /*
The services that are on, as a JSON object with keys `namespace/service`, beside the namespaces
that are on, with keys `namespace/`. A template asks once.
*/}}
{{- define "platform.enabled" -}}
{{- $on := dict }}
{{- range $namespace, $of := .Values.namespaces }}
{{- if $of.enabled }}
{{- $_ := set $on (printf "%s/" $namespace) true }}
{{- range $service, $values := index $.Values.services $namespace }}
{{- if $values.enabled }}
{{- $_ := set $on (printf "%s/%s" $namespace $service) true }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- toJson $on }}
{{- end }}

{{- /*
Whether an object is installed: its namespace is on and, where it belongs to a service, that too;
it is one of this cluster and this profile; and one of those that it is for is on, where it says so. Takes the root,
what is on and the object's facts; gives a text that is empty for no.
*/}}
{{- define "platform.isOn" -}}
{{- $root := index . 0 }}
{{- $on := index . 1 }}
{{- $facts := index . 2 }}
{{- if or (not $facts.namespace) (hasKey $on (printf "%s/%s" $facts.namespace ($facts.service | default ""))) }}
{{- $isHere := or (not $facts.clusters) (has $root.Values.cluster.name $facts.clusters) }}
{{- $isNow := or (not $facts.under) (has $root.Values.global.profile $facts.under) }}
{{- if and $isHere $isNow (not (and $facts.notUnder (has $root.Values.global.profile $facts.notUnder))) }}
{{- if hasKey $facts "for" }}
{{- range $facts.for }}
{{- if hasKey $on (printf "%s/%s" .namespace .service) }}true{{ end }}
{{- end }}
{{- else }}true
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Metadata: takes the root, the facts and, where there are any, annotations of Helm's. */}}
{{- define "platform.metadata" -}}
{{- $root := index . 0 }}
{{- $facts := index . 1 }}
name: {{ $facts.name | quote }}
{{- if and $facts.namespace (not $facts.isClusterWide) }}
namespace: {{ $facts.namespace | quote }}
{{- end }}
labels:
  helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
  app.kubernetes.io/managed-by: {{ $root.Release.Service }}
  {{- toYaml $facts.labels | nindent 2 }}
{{- $annotations := $facts.annotations | default dict }}
{{- if gt (len .) 2 }}
{{- $annotations = merge dict (index . 2) $annotations }}
{{- end }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* The least and the greatest number of pods of a service. */}}
{{- define "platform.leastReplicas" -}}
{{- $facts := index . 1 }}
{{- $values := index (index . 0).Values.services $facts.namespace $facts.service }}
{{- if ($values.hpa).enabled }}{{ $values.hpa.minReplicas }}{{ else }}{{ $values.replicas }}{{ end }}
{{- end }}
{{- define "platform.mostReplicas" -}}
{{- $facts := index . 1 }}
{{- $values := index (index . 0).Values.services $facts.namespace $facts.service }}
{{- if ($values.hpa).enabled }}{{ max $values.hpa.minReplicas $values.hpa.maxReplicas }}{{ else }}{{ $values.replicas }}{{ end }}
{{- end }}

{{- /* The number of replicas, where no autoscaler owns it. */}}
{{- define "platform.replicas" -}}
{{- $facts := index . 1 }}
{{- $values := index (index . 0).Values.services $facts.namespace $facts.service }}
{{- if not (or ($values.hpa).enabled (hasKey $facts.spec "replicas")) -}}
replicas: {{ $values.replicas }}
{{- end }}
{{- end }}

{{- /* A host: a name without a dot is below global.domain; a dot at the end says that it is whole. */}}
{{- define "platform.host" -}}
{{- $domain := (index . 0).Values.global.domain }}
{{- $host := index . 1 }}
{{- if or (contains "." $host) (not $domain) }}{{ trimSuffix "." $host }}{{ else }}{{ $host }}.{{ $domain }}{{ end }}
{{- end }}

{{- /* An image reference: takes the root and the values of the image. */}}
{{- define "platform.image" -}}
{{- $global := (index . 0).Values.global }}
{{- $image := index . 1 }}
{{- $image.registry | default $global.registry }}/{{ $image.repository }}
{{- if $image.tag }}:{{ $image.tag }}{{ else if not $image.digest }}:{{ $global.version }}{{ end }}
{{- with $image.digest }}@{{ . }}{{ end }}
{{- end }}

{{- /* The specification of a claim: takes the root, the facts, the volume's name and what is fixed. */}}
{{- define "platform.claim" -}}
{{- $root := index . 0 }}
{{- $facts := index . 1 }}
{{- toYaml (index . 3) }}
{{- with get ((index $root.Values.services $facts.namespace $facts.service).persistence | default dict) (index . 2) }}
resources:
  requests:
    storage: {{ .size | quote }}
{{- with .storageClass | default $root.Values.cluster.storageClass }}
storageClassName: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- /*
The rules of a policy: takes what is on, "from" or "to", and the rules. A peer whose service is off
is left out, and a rule that has no peer left is none: without peers it would allow everybody. A
rule with `withServices` (names to look up) is there only where another leads to a service.
*/}}
{{- define "platform.policyRules" -}}
{{- $on := index . 0 }}
{{- $side := index . 1 }}
{{- $hasServices := false }}
{{- range $rule := index . 2 }}
{{- $peers := list }}
{{- range .peers }}
{{- if .services }}
{{- $namespace := .namespace }}
{{- $names := list }}
{{- range .services }}
{{- if hasKey $on (printf "%s/%s" $namespace .) }}
{{- $names = append $names . }}
{{- end }}
{{- end }}
{{- if $names }}
{{- $hasServices = true }}
{{- $peers = append $peers (dict "namespace" .namespace "services" $names) }}
{{- end }}
{{- else if or $hasServices (not $rule.withServices) }}
{{- $peers = append $peers . }}
{{- end }}
{{- end }}
{{- if $peers }}
- {{ $side }}:
    {{- range $peers }}
    {{- if .cidr }}
    - ipBlock:
        {{- toYaml . | nindent 8 }}
    {{- else }}
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ .namespace | quote }}
      podSelector:
        {{- if .labels }}
        matchLabels:
          {{- toYaml .labels | nindent 10 }}
        {{- else if eq (len .services) 1 }}
        matchLabels:
          app.kubernetes.io/name: {{ first .services | quote }}
        {{- else }}
        matchExpressions:
          - key: app.kubernetes.io/name
            operator: In
            values:
              {{- toYaml .services | nindent 14 }}
        {{- end }}
    {{- end }}
    {{- end }}
  ports:
    {{- toYaml $rule.ports | nindent 4 }}
{{- end }}
{{- end }}
{{- end }}
