{{- /*
Whether an object is installed: its namespace and its service are on, it is one of this cluster and
of this profile, and somebody that it is for is on, where it says so. Takes the root and the
object's facts; gives a text that is empty for no.
*/}}
{{- define "platform.isOn" -}}
{{- $values := (index . 0).Values }}
{{- with index . 1 }}
{{- $isNow := and (or (not .under) (has $values.global.profile .under)) (not (and .notUnder (has $values.global.profile .notUnder))) }}
{{- $isHere := or (not .clusters) (has $values.cluster.name .clusters) }}
{{- $isEnabled := or (not .namespace) (index $values.namespaces .namespace).enabled }}
{{- if and $isNow $isHere $isEnabled (or (not .service) (index $values.services .namespace .service).enabled) }}
{{- if hasKey . "for" }}
{{- range .for }}
{{- if and (index $values.namespaces .namespace).enabled (index $values.services .namespace .service).enabled }}true{{ end }}
{{- end }}
{{- else }}true
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Metadata: takes the root, the facts and, where there are any, annotations of Helm's. */}}
{{- define "platform.metadata" -}}
{{- $root := index . 0 }}
{{- $facts := index . 1 -}}
name: {{ $facts.name | quote }}
{{- if and $facts.namespace (not $facts.isClusterWide) }}
namespace: {{ $facts.namespace | quote }}
{{- end }}
labels:
  helm.sh/chart: {{ include "platform.chart" $root }}
  app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
  app.kubernetes.io/managed-by: {{ $root.Release.Service }}
  {{- $facts.labels | nindent 2 }}
{{- $annotations := slice . 2 }}
{{- if or $facts.annotations $annotations }}
annotations:
  {{- with $facts.annotations }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- range $annotations }}
  {{- . | nindent 2 }}
  {{- end }}
{{- end }}
{{- with $facts.metadata }}
{{- . | nindent 0 }}
{{- end }}
{{- end }}

{{- /* The chart as its label has it. */}}
{{- define "platform.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
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
{{- if ($values.hpa).enabled }}{{ $values.hpa.maxReplicas }}{{ else }}{{ $values.replicas }}{{ end }}
{{- end }}

{{- /* The number of replicas, where it is a value and no autoscaler owns it. */}}
{{- define "platform.replicas" -}}
{{- $facts := index . 1 }}
{{- $values := index (index . 0).Values.services $facts.namespace $facts.service }}
{{- if and (hasKey $values "replicas") (not ($values.hpa).enabled) -}}
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
{{- $facts := index . 2 }}
{{- with $image.registry | default (ternary "" $global.registry (hasKey $facts "noRegistry")) }}{{ . }}/{{ end }}{{ $image.repository }}
{{- if $image.tag }}:{{ $image.tag }}{{ else if not (or $image.digest (hasKey $facts "noTag")) }}:{{ $global.version }}{{ end }}
{{- with $image.digest }}@{{ . }}{{ end }}
{{- end }}

{{- /*
A quantity as text. YAML and JSON have numbers, of which Helm prints the large ones with an exponent.
*/}}
{{- define "platform.quantity" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{- /* A quantity as a number in its base unit, cores or bytes. */}}
{{- define "platform.amount" -}}
{{- $text := toString . | trimPrefix "+" }}
{{- $number := regexFind "^[0-9.]+" $text }}
{{- $factors := dict "n" 1e-9 "u" 1e-6 "m" 1e-3 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 "Ei" 1152921504606846976 }}
{{- $factor := get $factors (trimPrefix $number $text) }}
{{- if $factor }}{{ mulf (float64 $number) $factor }}{{ else }}{{ float64 $text }}{{ end }}
{{- end }}

{{- /* The specification of a claim: takes the root, the facts, the volume's name and what is fixed. */}}
{{- define "platform.claim" -}}
{{- $root := index . 0 }}
{{- $facts := index . 1 }}
{{- index . 3 }}
{{- with get ((index $root.Values.services $facts.namespace $facts.service).persistence | default dict) (index . 2) }}
resources:
  requests:
    storage: {{ include "platform.quantity" .size | quote }}
{{- with .storageClass | default $root.Values.cluster.storageClass }}
storageClassName: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- /*
The rules of a policy: takes the root, "from" or "to", and the rules. A peer whose service is off
is left out, and a rule that has no peer left is none: without peers it would allow everybody. A
rule with `withServices` (names to look up) is there only where another leads to a service.
*/}}
{{- define "platform.policyRules" -}}
{{- $values := (index . 0).Values }}
{{- $side := index . 1 }}
{{- $hasServices := false }}
{{- range $rule := index . 2 }}
{{- $peers := list }}
{{- range $peer := .peers }}
{{- if .services }}
{{- $names := list }}
{{- if (index $values.namespaces .namespace).enabled }}
{{- range .services }}
{{- if (index $values.services $peer.namespace .).enabled }}
{{- $names = append $names . }}
{{- end }}
{{- end }}
{{- end }}
{{- if $names }}
{{- $hasServices = true }}
{{- $peers = append $peers (dict "namespace" .namespace "services" $names "labels" .labels) }}
{{- end }}
{{- else if and (or $hasServices (not $rule.withServices)) (or (not .isRaw) (index $values.namespaces .namespace).enabled) }}
{{- $peers = append $peers . }}
{{- end }}
{{- end }}
{{- if $peers }}
- {{ $side }}:
    {{- range $peers }}
    {{- if .ipBlock }}
    - ipBlock:
        {{- .ipBlock | nindent 8 }}
    {{- else }}
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ .namespace | quote }}
      podSelector:
        {{- if .labels }}
        matchLabels:
          {{- .labels | nindent 10 }}
        {{- else if eq (len .services) 1 }}
        matchLabels:
          app.kubernetes.io/name: {{ first .services | quote }}
        {{- else }}
        matchExpressions:
          - key: app.kubernetes.io/name
            operator: In
            values:
              {{- range .services }}
              - {{ . | quote }}
              {{- end }}
        {{- end }}
    {{- end }}
    {{- end }}
  ports:
    {{- .ports | nindent 4 }}
{{- end }}
{{- end }}
{{- end }}
