{{- /* The pods of a workload: takes the root and the facts of the workload. */}}
{{- define "platform.podTemplate" -}}
{{- $root := index . 0 }}
{{- $facts := index . 1 }}
{{- $values := index $root.Values.services $facts.namespace $facts.service -}}
{{- with $facts.pod.metadata -}}
metadata:
  {{- . | nindent 2 }}
{{- end }}
spec:
  {{- with $facts.pod.spec }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with $facts.pod.initContainers }}
  initContainers:
    {{- range . }}
    {{- include "platform.container" (list $root . (index ($values.containers | default dict) .name)) | nindent 4 }}
    {{- end }}
  {{- end }}
  containers:
    {{- include "platform.container" (list $root $facts.pod.container $values) | nindent 4 }}
  {{- with $facts.pod.spread }}
  {{- if gt (include "platform.mostReplicas" (list $root $facts) | int) 1 }}
  {{- $nodes := int $root.Values.cluster.nodes }}
  {{- $hasNodes := and .byNode (gt $nodes 1) (ge $nodes (include "platform.leastReplicas" (list $root $facts) | int)) }}
  topologySpreadConstraints:
    - whenUnsatisfiable: {{ ternary "DoNotSchedule" "ScheduleAnyway" $hasNodes }}
      {{- .constraint | nindent 6 }}
  {{- end }}
  {{- end }}
{{- end }}

{{- /* A container: takes the root, its facts and its values; what is a fact already is no value. */}}
{{- define "platform.container" -}}
{{- $root := index . 0 }}
{{- $facts := index . 1 }}
{{- $values := index . 2 | default dict -}}
- name: {{ $facts.name | quote }}
  image: {{ $facts.image | default (include "platform.image" (list $root ($values.image | default dict) $facts)) | quote }}
  imagePullPolicy: {{ $facts.imagePullPolicy | default $root.Values.global.imagePullPolicy }}
  {{- if $facts.resources }}
  resources:
    {{- $facts.resources | nindent 4 }}
  {{- else }}
  {{- with $values.resources }}
  resources:
    requests:
      cpu: {{ include "platform.quantity" .requests.cpu | quote }}
      memory: {{ include "platform.quantity" .requests.memory | quote }}
    limits:
      cpu: {{ include "platform.quantity" .limits.cpu | quote }}
      memory: {{ include "platform.quantity" .limits.memory | quote }}
  {{- end }}
  {{- end }}
  {{- with $facts.fields }}
  {{- . | nindent 2 }}
  {{- end }}
{{- end }}
