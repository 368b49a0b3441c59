;; GET /dashboard: shows the counters of the last seven days as tiles, a chart and a table. Makes one query per day.
(ns dashboard
  (:require [promesa.core :as p]
            [reagent.dom.server :as server]
            ["@aws-sdk/client-dynamodb" :as dynamodb]
            ["crypto" :as crypto]
            ["date-fns" :as date-fns]))

(def client (delay (dynamodb/DynamoDBClient. #js {})))

(defn last-days [count]
  (for [ago (reverse (range count))]
    (date-fns/format (date-fns/subDays (js/Date.) ago) "yyyy-MM-dd")))

(defn row [item]
  (into {}
        (for [[attribute {:keys [S N]}] item]
          [attribute (or S (js/parseInt N))])))

(defn rows-of [day]
  (p/let [answer (.send @client
                        (dynamodb/QueryCommand.
                         (clj->js {:TableName (.. js/process -env -SITE_TABLE)
                                   :KeyConditionExpression "#day = :day"
                                   :ExpressionAttributeNames {"#day" "day"}
                                   :ExpressionAttributeValues {":day" {:S day}}})))
          rows (map row (:Items (js->clj answer :keywordize-keys true)))]
    (if (seq rows) rows [{:day day :views 0}])))

(defn all-rows []
  (p/let [days (js/Promise.all (map rows-of (last-days 7)))]
    (into [] cat days)))

(defn total [counter rows]
  (reduce + 0 (map counter rows)))

(defn tile [heading value]
  [:div.level-item.has-text-centered
   [:div
    [:p.heading heading]
    [:p.title value]]])

(defn tiles [rows]
  [:nav.level.is-mobile
   [tile "Total views" (total :views rows)]
   [tile "Views from Slack" (total :views_slack rows)]
   [tile "Views from Twitter" (total :views_twitter rows)]])

(defn chart [rows]
  (let [bars (for [[day rows] (sort-by key (group-by :day rows))]
               {:day day :views (total :views rows)})
        spec (clj->js {:$schema "https://vega.github.io/schema/vega-lite/v5.json"
                       :data {:values bars}
                       :mark {:type "bar"}
                       :width "container"
                       :height 300
                       :encoding {:x {:field "day" :type "nominal" :axis {:labelAngle -45}}
                                  :y {:field "views" :type "quantitative"}}})
        id (str "chart-" (.toString (crypto/randomBytes 16) "hex"))]
    [:div {:dangerouslySetInnerHTML
           {:__html (str "<div id=\"" id "\" style=\"width:100%;height:300px\"></div>"
                         "<script>vegaEmbed('#" id "', " (js/JSON.stringify spec) ");</script>")}}]))

(defn urls [rows]
  (let [urls (for [[url rows] (group-by :url (filter :url rows))]
               {:url url
                :views (total :views rows)
                :slack (total :views_slack rows)
                :twitter (total :views_twitter rows)})]
    [:table.table.is-fullwidth.is-hoverable.is-striped
     [:thead>tr
      [:th "Rank"] [:th "URL"] [:th "Views"] [:th "Slack"] [:th "Twitter"]]
     [:tbody
      (for [[rank {:keys [url views slack twitter]}] (map-indexed vector (sort-by :views > urls))]
        [:tr
         [:th {:style {:width "20px"}} (inc rank)]
         [:td [:a {:href url} url]]
         [:td {:style {:width "20px"}} views]
         [:td {:style {:width "20px"}} slack]
         [:td {:style {:width "20px"}} twitter]])]]))

(defn page [body]
  (str "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<link rel=\"stylesheet\" href=\"https://cdn.jsdelivr.net/npm/bulma@0.9.3/css/bulma.min.css\">
<link rel=\"stylesheet\" href=\"https://cdn.jsdelivr.net/npm/@fortawesome/fontawesome-free@5.15.4/css/all.min.css\">
<script src=\"https://cdn.jsdelivr.net/npm/vega@5.21.0\"></script>
<script src=\"https://cdn.jsdelivr.net/npm/vega-lite@5.2.0\"></script>
<script src=\"https://cdn.jsdelivr.net/npm/vega-embed@6.20.2\"></script>
<title>Site analytics</title>
</head>
<body>
<section class=\"hero is-link block\">
<div class=\"hero-body has-text-centered\">
<p class=\"title\"><span class=\"icon\"><i class=\"fas fa-chart-pie\"></i></span> Site analytics</p>
<p class=\"subtitle\">last 7 days</p>
</div>
</section>
<div class=\"container is-max-desktop\">"
       body
       "</div></body></html>"))

(defn handler [_event _context]
  (p/let [rows (all-rows)]
    (clj->js {:statusCode 200
              :headers {"Content-Type" "text/html"}
              :body (page (server/render-to-static-markup
                           [:<>
                            [:div.box [tiles rows] [chart rows]]
                            [:div.box [:h1.title.is-3 "Top URLs"] [urls rows]]]))})))

#js {:handler handler}
